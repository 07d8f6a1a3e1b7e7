"""P2's yardstick: django-hordak, the double-entry library that a Django user would pick, with its
own settings and database. Never imported by the product."""
