"""``python -m backend.launcher``: the whole service under one parent process.

What ``make demo`` runs once the environment exists. Brings up the embedded servers, migrates,
seeds, then keeps the web server, the Celery worker and the beat running until Ctrl-C.
"""
