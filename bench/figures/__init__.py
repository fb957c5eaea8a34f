"""All figures, in the order of the table: name -> (title, function of a Rig, a Plan and a Figure to fill in)."""
from . import throughput

FIGURES = {
    "sync": ("Synchronous jobs", throughput.synchronous),
    "async": ("Asynchronous jobs, every step synced to the disk", throughput.asynchronous),
}
