"""Every public path on one page."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularSwaggerSplitView

import backend.accounts.rest.urls
import backend.webhooks.rest.urls
import commissions.rest.urls
import notes.rest.urls
import shops.rest.urls
from backend import health
from backend.rest import problems
from backend.rest.document import SchemaView
from backend.rest.paths import ByWord
from notes.rest.media import media_file

admin.site.index_title = "Today 今日"

handler400 = problems.bad_request
handler404 = problems.not_found
handler500 = problems.server_error

urlpatterns = [
    ByWord(
        "v1/",
        [
            *backend.accounts.rest.urls.urlpatterns,
            *shops.rest.urls.urlpatterns,
            *notes.rest.urls.urlpatterns,
            *commissions.rest.urls.urlpatterns,
            *backend.webhooks.rest.urls.urlpatterns,
        ],
    ),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("admin/", admin.site.urls),
    path("v1/schema", SchemaView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("", include("commissions.rest.public_urls")),
]
if not settings.PRODUCTION:  # a web server in front serves the files there
    urlpatterns.append(path("media/<path:path>", media_file))
