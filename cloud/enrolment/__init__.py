"""How a board becomes a device, and stays one: claim tokens and certificates for certificates.

settings.py   whether this server enrols, how often may be tried, what devices are told
attempts.py   how often may be tried: by whom, with which token or certificate, by all together
enrolment.py  token or certificate in, certificate out; everything in the audit
"""
