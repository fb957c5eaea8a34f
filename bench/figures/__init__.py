"""All figures, in the order of the table: name -> (title, function of a Rig, a Plan and a Figure to fill in)."""
from . import beside, cost, flight, overload, scale, start, throughput

FIGURES = {
    "sync": ("Synchronous jobs", throughput.synchronous),
    "async": ("Asynchronous jobs, every step synced to the disk", throughput.asynchronous),
    "flight": ("Many jobs in flight to agents that take 10 s", flight.in_flight),
    "beside": (f"Short jobs, {beside.WINDOW} in flight, beside long ones", beside.long_jobs),
    "cost": ("What a job costs the scheduler", cost.per_job),
    "micro": ("Parts of the scheduler by themselves", cost.micro),
    "agents": ("Number of agents", scale.agents),
    "size": ("Size of param and result", scale.sizes),
    "journal": ("Open jobs in the journal", scale.open_jobs),
    "overload": ("More jobs offered than the agents can do", overload.overload),
    "start": ("Start, recovery, a large result", start.start),
}
