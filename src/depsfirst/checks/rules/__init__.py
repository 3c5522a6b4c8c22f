"""The table of rules: a module each, in the order in which they are asked and listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.ignores import BAD_IGNORE, UNUSED_IGNORE
from depsfirst.checks.rules import (
    apt_update_alone,
    cache_mount_disabled,
    cache_mount_misplaced,
    code_before_dependencies,
    context_bound_into_install,
    dead_dockerignore,
    dev_lock_reinstalls_production,
    download_after_code,
    environment_with_code,
    floating_base_tag,
    frontend_after_code,
    generated_in_context,
    git_in_context,
    heavy_with_small,
    ineffective_ignore_pattern,
    missing_dockerignore,
    no_cache_mount,
    project_with_dependencies,
    readme_reinstalls,
    recursive_ownership,
    settings_reinstall,
    source_before_dependencies,
    system_packages_after_code,
    unpinned_download,
    unpinned_installer,
    uv_link_mode,
    version_bump_reinstalls,
    volatile_argument,
)

if TYPE_CHECKING:
    from depsfirst.checks.model import Rule

FAMILIES = {
    "order": "what makes an edit install the dependencies again",
    "image": "what makes layers larger, or pushes and pulls them again",
    "installer": "how packages are fetched and installed",
    "context": "what is sent to the builder",
    "ignores": "comments that ignore findings",
}
"""What the rules of each family are about."""

RULES: tuple[Rule, ...] = (
    code_before_dependencies.RULE,
    project_with_dependencies.RULE,
    source_before_dependencies.RULE,
    context_bound_into_install.RULE,
    version_bump_reinstalls.RULE,
    readme_reinstalls.RULE,
    settings_reinstall.RULE,
    dev_lock_reinstalls_production.RULE,
    volatile_argument.RULE,
    floating_base_tag.RULE,
    unpinned_installer.RULE,
    cache_mount_disabled.RULE,
    cache_mount_misplaced.RULE,
    no_cache_mount.RULE,
    uv_link_mode.RULE,
    apt_update_alone.RULE,
    system_packages_after_code.RULE,
    frontend_after_code.RULE,
    download_after_code.RULE,
    unpinned_download.RULE,
    recursive_ownership.RULE,
    environment_with_code.RULE,
    heavy_with_small.RULE,
    git_in_context.RULE,
    generated_in_context.RULE,
    missing_dockerignore.RULE,
    dead_dockerignore.RULE,
    ineffective_ignore_pattern.RULE,
    BAD_IGNORE,
    UNUSED_IGNORE,
)
