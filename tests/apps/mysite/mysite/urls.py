"""The guestbook, and Django's own administration of it."""

from django.contrib import admin
from django.urls import path
from guestbook import views

urlpatterns = [
    path("", views.index, name="index"),
    path("entries/<int:pk>/", views.entry, name="entry"),
    path("entries/<int:pk>/attachment", views.attachment, name="attachment"),
    path("export", views.export, name="export"),
    path("admin/", admin.site.urls),
]
