#include "base/err.h"

struct row {
    int code, status;
    const char *name, *text;
};

#define ROW(name, code, status, text) {(code), (status), #name, (text)},
static const struct row rows[] = {{0, 0, "PS_OK", "no error"}, PS_ERRORS(ROW)};
#undef ROW

static const struct row unknown = {0, 500, "PS_E?", "unknown error"};

static const struct row *find(int code) {
    if (code >= 0) return &rows[0];
    for (unsigned i = 1; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].code == code) return &rows[i];
    return &unknown;
}

const char *ps_err_name(int code) { return find(code)->name; }

const char *ps_err_text(int code) { return find(code)->text; }

int ps_err_status(int code) { return find(code)->status; }
