"""Addresses of this room. `/live/` is an ASGI application of its own: grid_mgmt.asgi, apps.dispatch.live."""

from django.urls import URLPattern, URLResolver, path

from apps.dispatch.views import board, issue, tasks

app_name = "dispatch"

urlpatterns: list[URLPattern | URLResolver] = [
    path("board/", board.board, name="board"),
    path("board/pulse/", board.pulse, name="pulse"),
    path("board/pulse/captions/", board.glance, name="glance"),
    path("t/", tasks.tasks, name="tasks"),
    path("t/pulse/", tasks.pulse, name="tasks_pulse"),
    path("i/<str:number>/", issue.issue, name="issue"),
    path("i/<str:number>/clock/", issue.clock_page, name="clock"),
    path("i/<str:number>/<slug:name>/", issue.move, name="move"),
]
