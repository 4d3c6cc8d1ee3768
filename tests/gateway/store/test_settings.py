"""The environment, read once."""

from pathlib import Path

import pytest

from gateway.errors import SettingsError
from gateway.settings import Settings
from gateway.store.permissions import OF_ROLE, Permission


def test_everything_has_a_default_under_home() -> None:
    settings = Settings.read({"TUNEGATE_HOME": "/srv/t"})
    assert (settings.host, settings.port, settings.result_files_base64) == ("127.0.0.1", 8000, True)
    assert settings.database_url == "sqlite:////srv/t/tunegate.db"
    assert settings.blob_url == "file:///srv/t/blobs"
    assert settings.max_file_bytes == 512 * 1024 * 1024
    assert Settings.read({}).home == Path("~/.tunegate").expanduser()


def test_every_mistake_is_named_at_once() -> None:
    environ = {"TUNEGATE_PORT": "70000", "TUNEGATE_RESULT_FILES_BASE64": "maybe", "TUNEGATE_JOBS_AT_ONCE": "-1"}
    with pytest.raises(SettingsError) as caught:
        Settings.read(environ)
    assert all(name in str(caught.value) for name in environ)


def test_a_plugin_gets_its_own_variables_only() -> None:
    environ = {"TUNEGATE_OMNI_BASE_URL": "http://x", "TUNEGATE_OMNI_KEY": "k", "TUNEGATE_PORT": "1", "OMNI_X": "y"}
    assert Settings.read(environ).plugin_config("omni") == {"base_url": "http://x", "key": "k"}
    assert Settings.read(environ).plugin_config("linear") == {}


def test_what_organisations_may_hand_out_is_named_by_role_or_permission() -> None:
    usual = Settings.read({})
    assert (usual.organization_policies, usual.organization_grants) == ((), OF_ROLE["reviewer"])
    more = Settings.read(
        {"TUNEGATE_ORGANIZATION_GRANTS": "member, models.export", "TUNEGATE_ORGANIZATION_POLICIES": "a, b"}
    )
    assert more.organization_grants == OF_ROLE["member"] | {Permission.EXPORT}
    assert more.organization_policies == ("a", "b")
    with pytest.raises(SettingsError, match="ORGANIZATION_GRANTS is 'root'; expected some of member"):
        Settings.read({"TUNEGATE_ORGANIZATION_GRANTS": "root"})
