# Found by cimport as the package penstock: what one extension module shows another.
