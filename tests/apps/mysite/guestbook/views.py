"""A form with a file, a list, a download, a streamed export; the session counts visits."""

from collections.abc import Iterator

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.forms import ModelForm
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from guestbook.models import Entry


class EntryForm(ModelForm):
    class Meta:
        model = Entry
        fields = ("name", "text", "attachment")


def index(request: HttpRequest) -> HttpResponse:
    request.session["visits"] = request.session.get("visits", 0) + 1
    form = EntryForm(request.POST or None, request.FILES or None, initial={"name": request.session.get("name", "")})
    if request.method == "POST" and form.is_valid():
        request.session["name"] = form.cleaned_data["name"]
        request.session["on_disk"] = isinstance(form.cleaned_data["attachment"], TemporaryUploadedFile)
        return redirect("entry", pk=form.save().pk)
    context = {"form": form, "entries": Entry.objects.all(), "visits": request.session["visits"]}
    return render(request, "index.html", context)


def entry(request: HttpRequest, pk: int) -> HttpResponse:
    context = {"entry": get_object_or_404(Entry, pk=pk), "on_disk": request.session.get("on_disk")}
    return render(request, "entry.html", context)


def attachment(request: HttpRequest, pk: int) -> FileResponse:
    return FileResponse(get_object_or_404(Entry, pk=pk).attachment.open())


def export(request: HttpRequest) -> StreamingHttpResponse:
    def lines() -> Iterator[str]:
        for each in Entry.objects.all():
            yield f"{each.pk};{each.name};{each.text}\n"

    return StreamingHttpResponse(lines(), content_type="text/csv")
