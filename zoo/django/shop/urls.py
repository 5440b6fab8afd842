"""The addresses."""

from django.urls import path

from shop import views

urlpatterns = [
    path("v1/customers", views.create_customer),
    path("v1/customers/<str:id>", views.customer),
    path("v1/customers/<str:id>/payment_methods", views.list_payment_methods),
    path("v1/payment_methods", views.create_payment_method),
    path("v1/payment_methods/<str:id>", views.retrieve_payment_method),
    path("v1/payment_methods/<str:id>/attach", views.attach),
    path("v1/payment_methods/<str:id>/detach", views.detach),
]
handler400 = handler404 = views.not_found
handler500 = views.failed
