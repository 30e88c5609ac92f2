"""The device's own key and certificate: enrolled once by a claim token, renewed before they end.

settings.py   where they are, when they are renewed
port.py       what the device asks of the cloud
https.py      the cloud's API over HTTPS, by urllib3
x509.py       keys, signing requests and certificates, by cryptography
serial.py     the serial number of the board
token.py      a claim token as its user gives it
folder.py     key, certificate and CA on disk: exchanged all at once, never half
enrolling.py  a claim token into a certificate: `wayside-edge enroll`
renewal.py    a new key and certificate while the agent runs
assembly.py   these put together
"""
