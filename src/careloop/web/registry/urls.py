"""Finding and registering residents."""

from django.urls import path

from careloop.web.registry import merge_views, views

app_name = "registry"
urlpatterns = [
    path("people", views.find, name="find"),
    path("people/new", views.register, name="register"),
    path("people/new/duplicates", views.alike_while_typing, name="alike"),
    path("people/cards", views.cards, name="cards"),
    path("people/<uuid:public_id>/details", views.details, name="details"),
    path("people/<uuid:public_id>/card", views.card, name="card"),
    path("people/<uuid:public_id>/duplicates", merge_views.duplicates, name="duplicates"),
    path("merges/<int:pk>/undo", merge_views.unmerge, name="unmerge"),
]
