"""The peer, django-helpdesk, in a virtual environment of its own: these modules run there, not in ours."""
