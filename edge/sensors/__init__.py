"""What a device senses beside its cameras: where it is, and numbers such as a temperature.

settings.py     a GPS receiver, a number in a file; what is told and when
port.py         a sensor, a receiver's link, a fix
nmea.py         sentences of NMEA 0183 taken apart
assembler.py    sentences into fixes
lines.py        bytes into lines, bounded
receiver.py     a link through lines into fixes
serial_port.py  a link: a serial port
gpsd.py         a link: gpsd, and its reports
number_file.py  a number in a file
geodesy.py      ways on the Earth
fixes.py        plausible fixes of the last minute, asked by the time of a frame
clock_check.py  the receiver's time checks the clock
reporting.py    which readings are told
positions.py    fixes into the positions of events
watch.py        the thread that keeps a sensor
assembly.py     all put together
"""
