"""Finding and registering residents."""

from django.urls import path

from careloop.web.site.views import not_there_yet

app_name = "registry"
urlpatterns = [
    path("people", not_there_yet, name="find"),
    path("people/new", not_there_yet, name="register"),
    path("people/<uuid:public_id>/details", not_there_yet, name="details"),
    path("people/<uuid:public_id>/card", not_there_yet, name="card"),
    path("people/<uuid:public_id>/duplicates", not_there_yet, name="duplicates"),
    path("merges/<int:pk>/undo", not_there_yet, name="unmerge"),
]
