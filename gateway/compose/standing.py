"""Composition of what a release would be decided by now, for the list of models to audit again."""

from evaluators import corpus as corpora
from gateway.bases import read_bases
from gateway.compose.back import capable_judge
from gateway.compose.checks import plugins, policies
from gateway.compose.store import Store
from gateway.errors import PluginError
from gateway.reaudits import InForce
from gateway.store import tenants


def in_force(store: Store) -> InForce:
    """Policies by project, and digests, judges and corpora by base model, as they are configured now."""
    book = policies(store.settings).policies
    bases = read_bases(store.settings.bases_file)
    installed = plugins(store.settings)
    judges: dict[str, str] = {}
    digests: dict[str, str] = {}
    for name, base in bases.items():
        corpus = corpora.load(base.corpus)
        digests[name] = corpus.digest
        try:
            judges[name] = capable_judge(installed, corpus).identity
        except PluginError:
            continue  # the list says that no judge is configured
    with store.database.read() as session:
        named = {project.id: project.policy_name for project in tenants.projects(session)}
    return InForce(
        policies={id: book[name].digest for id, name in named.items() if name in book},
        bases={name: base.digest for name, base in bases.items()},
        judges=judges,
        corpora=digests,
    )
