"""The sample app's processor: sdk/python/app-processor.py calls `process` with what each job came to."""


def process(job):
    print("%s.%s on %s: flag %d, %r" % (job.ins.app, job.ins.func, job.ins.ip, job.flag, job.result), flush=True)
    if job.ins.func == "fail":
        raise ValueError("failed as asked")
