# Users, a group and sessions, as the migrations of Django and its admin make them.
import django
from django.conf import settings
from pathlib import Path
settings.configure(
    BASE_DIR=Path("."), SECRET_KEY="a key of a test", USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}},
    INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware","django.contrib.auth.middleware.AuthenticationMiddleware","django.contrib.messages.middleware.MessageMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {"context_processors": ["django.template.context_processors.request","django.contrib.auth.context_processors.auth","django.contrib.messages.context_processors.messages"]}}],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.PBKDF2PasswordHasher"],
)
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
editors = Group.objects.create(name="editors")
for number in range(20):
    user = User(username=f"user{number}", email=f"user{number}@example.com")
    user.set_unusable_password(); user.save(); user.groups.add(editors)
    session = SessionStore(); session["cart"] = [number, "é"]; session.create()
