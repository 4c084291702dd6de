"""An entry: who, what, and a file."""

from django.db import models


class Entry(models.Model):
    name = models.CharField(max_length=100)
    text = models.TextField()
    attachment = models.FileField(upload_to="attachments", blank=True)

    def __str__(self) -> str:
        return self.name
