"""The rules. ``RULES`` names every one of them, in the order of their codes; the file of a rule is its page."""

from __future__ import annotations

from leaklint.rules import (
    ll101_never_released,
    ll102_not_released_on_exception,
    ll103_not_released_on_some_path,
    ll104_handle_lost,
    ll105_with_does_not_release,
    ll106_release_not_called,
    ll107_class_cannot_release,
    ll201_module_level_connection,
    ll202_lazily_cached_connection,
    ll203_cached_connection_closed,
    ll204_cached_connection_replaced,
    ll205_kept_across_loops,
    ll206_restored_connection,
    ll301_temporary_file_left,
    ll302_logging_handler_added,
    ll303_work_left_running,
    ll304_container_only_grows,
    ll901_unused_suppression,
)
from leaklint.rules.rule import Draft, Rule

__all__ = ["RULES", "Draft", "Rule"]

RULES: tuple[Rule, ...] = (
    ll101_never_released.RULE,
    ll102_not_released_on_exception.RULE,
    ll103_not_released_on_some_path.RULE,
    ll104_handle_lost.RULE,
    ll105_with_does_not_release.RULE,
    ll106_release_not_called.RULE,
    ll107_class_cannot_release.RULE,
    ll201_module_level_connection.RULE,
    ll202_lazily_cached_connection.RULE,
    ll203_cached_connection_closed.RULE,
    ll204_cached_connection_replaced.RULE,
    ll205_kept_across_loops.RULE,
    ll206_restored_connection.RULE,
    ll301_temporary_file_left.RULE,
    ll302_logging_handler_added.RULE,
    ll303_work_left_running.RULE,
    ll304_container_only_grows.RULE,
    ll901_unused_suppression.RULE,
)
