"""The connection that the launcher's environment names: one for each process."""
import os
import select
import threading

from . import _wire

worker = None
job = None


def connect():
    """Connects to the worker, and ends this process when the worker's end of the connection closes, whatever the script does meanwhile."""
    global worker
    path = os.environ.get("COORDINATOR_PROGRAM_SOCKET")
    if worker is not None or not path:
        return worker
    worker = _wire.Worker(path)
    threading.Thread(target=_watch, args=(worker.socket.fileno(),), daemon=True, name="worker's end").start()
    return worker


def failed(text):
    """Tells the worker why this process ends."""
    if worker is not None:
        try:
            worker.send(_wire.FAILED, text.encode()[:8192])
        except OSError:
            pass


def script_ended():
    """The script has run to its end: that is right only once the job has."""
    if job is None:
        failed("the script ended without coordinator.join: it has to join, and to take shards until there are no more")
    elif not job.has_ended:
        failed("the script left its loop over the shards before the job was done: a break or a return; shards that are not wanted are skipped with shard.skip()")


def _watch(descriptor):
    poll = select.poll()
    poll.register(descriptor, select.POLLHUP)
    while not any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poll.poll()):
        pass
    os._exit(0)
