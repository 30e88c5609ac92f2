"""Models that come from the fleet, and how a device is never left without one.

port.py        what the life of an update needs of trust; read this, then machine.py
states.py      the states of an update, and the codes of what can go wrong
life.py        what is remembered of an update, what can happen, what is to be done
machine.py     what happened into what is to be done, pure
probation.py   does a model on trial see as the incumbent did? pure
window.py      when updates may come
update_settings.py  the settings of all this
disk.py        the disk, where every change to it goes through
sealed.py      small files whose damage is told
journal.py     lives and reports on disk
slots.py       two slots a family: one is committed, one is to try in
serving.py     what is needed of the networks that look at frames
hot_swap.py    those of the agent, exchanged between two frames
sightings.py   what a network finds, counted for probation
performer.py   does what was decided
reports.py     what the cloud is told
driver.py      a life is on disk before its effects are begun
updater.py     the part of the uplink that takes orders, and its threads
assembly.py    all put together
"""
