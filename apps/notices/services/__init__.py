"""The verbs of this room. Telling people is what other rooms ask for; the rest carries it out of the house."""

from apps.notices.services.telling import Message, Saying, Words, mark_read, notify, notify_all, notify_piled

__all__ = ["Message", "Saying", "Words", "mark_read", "notify", "notify_all", "notify_piled"]
