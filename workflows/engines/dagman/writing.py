"""What `htcondor2.dags` needs to write the DAGs of a scan."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from condor.policy import submissions
from skyscan.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sized

    from htcondor2.dags import DAG, BaseEdge

    Edge = tuple[tuple[int, ...], tuple[int, ...]]

RECO = "reco"


def layer(name: str, retries: int, submit_file: str | None = None) -> dict[str, object]:
    """Return the arguments of a layer, whose jobs are retried unless that cannot help.

    Parameters
    ----------
    name : str
        Of the layer.
    retries : int
        How often HTCondor and DAGMan together may try a job again.
    submit_file : str, optional
        Of its jobs; default: that with the name of the layer.
    """
    import htcondor2

    # htcondor2.dags makes a path absolute, and folders get moved.
    described = htcondor2.Submit({}) if submit_file is None else _Beside(submit_file)
    again = submissions(retries) - 1
    retry = {"retries": again, "retry_unless_exit": int(ExitCode.BAD_INPUT)} if again else {}
    return {"name": name, "submit_description": described, **retry}


class _Beside(PurePosixPath):
    """A file beside the DAG, which stays relative."""

    def absolute(self) -> _Beside:
        """Return the path as it is."""
        return self


def all_to_all() -> BaseEdge:
    """Return the edge between two layers that makes all nodes of one parents of the other's.

    That of `htcondor2.dags` puts a NOOP node between them, and so does DAGMan where many nodes
    are parents in one line; it then takes two seconds for that node.
    """
    from htcondor2.dags import BaseEdge

    class AllToAll(BaseEdge):  # type: ignore[misc]
        """Every node of the child layer waits for every node of the parent layer."""

        def get_edges(self, parent: Sized, child: Sized, _: object) -> Iterator[Edge]:
            """Yield the edges from each parent, by the numbers of the nodes."""
            for number in range(len(parent)):
                yield (number,), tuple(range(len(child)))

    return AllToAll()


def dag_lines(dag: DAG) -> Iterator[str]:
    """Yield the lines of a DAG."""
    from htcondor2.dags import NodeNameFormatter
    from htcondor2.dags.writer import DAGWriter

    class Names(NodeNameFormatter):  # type: ignore[misc]
        """Name nodes reco_00012, but prep instead of prep_00000."""

        def generate(self, layer_name: str, node_index: int) -> str:
            is_reco = layer_name.startswith(RECO)
            return f"{layer_name}_{node_index:05d}" if is_reco else layer_name

        def parse(self, node_name: str) -> tuple[str, int]:
            name, _, index = node_name.rpartition("_")
            return (name, int(index)) if name.startswith(RECO) else (node_name, 0)

    yield from DAGWriter(dag, node_name_formatter=Names()).yield_dag_file_lines()
