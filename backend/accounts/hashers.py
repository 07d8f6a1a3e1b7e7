"""How passwords are hashed."""

from django.contrib.auth.hashers import ScryptPasswordHasher


class Scrypt(ScryptPasswordHasher):
    """Django's scrypt, with the memory that OWASP asks for: 32 MiB and three passes (Django's own
    default takes 16). A password of other parameters is hashed anew at its next right sign-in."""

    work_factor = 2**15
    parallelism = 3
    maxmem = 64 * 2**20  # what OpenSSL may take; its own limit is too low for the above
