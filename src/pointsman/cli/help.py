"""The text of ``pointsman --help``, kept as data so that it costs no import; a test compares it with the commands."""

__all__ = ["HELP"]

HELP = """\
Move a served LLM between raw vLLM, KServe and llm-d on Kubernetes, live,
with nothing lost.

Usage: pointsman COMMAND [OPTIONS]          (also: kubectl pointsman COMMAND)

See and prepare:
  render     Print the manifests of a model on a serving layer.
  pick       Say which layer suits a model, and whether it fits its GPUs.
  compare    Say what differs between the layers of a model.
  status     Show models, layers, readiness, traffic and running moves.
  cost       Show what is reserved, used and idle, in GPUs and in money.
  audit      Find what is paid for and nobody uses, with what ends it.
  receipt    Print what a move did, counted and cost; the last one by default.
  history    List the moves there were, oldest first.
  explain    Say what an error's code or a check's id means.
  rights     Print the roles that moves need, or check what of it you may do.
  doctor     Check what runs in a cluster for what costs people nights.

A platform repository:
  init       Write one that works as it is, in a new folder or an empty clone.
  adopt      Read one that others wrote; write Models that refer to it.
  lint       Check its files for what costs people nights.
  features   List its features, or turn one on or off in the configuration.
  resolve    Write the groups file that its ApplicationSets read.
  root       Apply a profile's ApplicationSets, once what vanishes is agreed to.

Serve and move:
  up         Bring a model up and point its alias there; or wake a parked layer.
  down       Park a layer that nobody is served from: its GPUs are free.
  plan       Show what a move would do, what it needs and how long it takes.
  apply      Carry out a kept plan, if nothing has changed since.
  move       Move a model to another serving layer, live.
  teardown   Take away a model, a layer of it or of every model, or everything.

While a move is open, from any machine:
  pause      Let it stand still after the step that is under way.
  unpause    Carry it on, as resume does.
  promote    End the wait it is in, not its checks.
  resume     Carry it on when nobody does.
  rollback   Take it back: tenants on the source, the target as before.
  abort      Put tenants back at once; leave the target, to look into it.

With Argo CD:
  sync       Sync an Application, and know that it is done.
  wait       Wait until Applications are synced and their workloads ready.

Try it without a cluster:
  demo       Start the lab, serve a model, move it three times under load.
  lab        Start, stop and look at the embedded cluster.

In your shell:
  completion Print a script that completes commands, options and names.

Options:
  --version  Print the version.
  --help     Print this text; COMMAND --help explains a command.

Every command but completion takes --output text|json|yaml.
Data goes to stdout, narration to stderr.
Exit codes: 0 done, 1 refused or findings, 2 usage or cluster, 3 failed and
undone, 4 a person is needed, 5 not everything could be looked at, 6 something
changed between look and write, and nothing was written.
"""
