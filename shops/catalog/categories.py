"""The category tree 类目: public as a whole, written by the staff."""

from datetime import datetime
from typing import Any

from django.db import transaction

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import Invalid
from shops.catalog.refusals import CategoryUnknown
from shops.models import Category

MAX_DEPTH = 3


def category_tree() -> list[dict[str, Any]]:
    """All active categories as one nested tree, in one query (C2). Below a node that is not
    active nothing is shown."""
    nodes: dict[int, dict[str, Any]] = {}
    roots: list[dict[str, Any]] = []
    # A parent's id is below its child's (category_no_cycle), so ids order parents first.
    for category in sorted(Category.objects.filter(is_active=True), key=lambda row: row.pk):
        node = {
            "id": category.pk,
            "code": category.code,
            "name": category.name,
            "position": category.position,
            "children": [],
        }
        if category.parent_id is None:
            roots.append(node)
        elif category.parent_id in nodes:
            nodes[category.parent_id]["children"].append(node)
        else:
            continue
        nodes[category.pk] = node
    for siblings in [roots, *(node["children"] for node in nodes.values())]:
        siblings.sort(key=lambda node: (node["position"], node["id"]))
    return roots


def file_category(*, category: Category, by: Account, at: datetime) -> Category:
    """Stores a category that the staff wrote. A stored one keeps its parent, so the depth of a
    tree never changes below it.

    :raises Invalid: deeper than 3.
    """
    if _depth(category) > MAX_DEPTH:
        raise Invalid(fields={"parent": ["A category tree has at most 3 levels."]})
    with transaction.atomic():
        created = category.pk is None
        category.save()  # the whole row: the form of the staff holds all of it
        audit.note(
            actor=by,
            action="category.create" if created else "category.change",
            target=category,
            at=at,
            code=category.code,
            is_active=category.is_active,
        )
    return category


def active_category(code: str) -> Category:
    """The active category of this code.

    :raises CategoryUnknown: there is none.
    """
    found = Category.objects.filter(code=code, is_active=True).first()
    if found is None:
        raise CategoryUnknown(fields={"category": ["No active category has this code."]})
    return found


def branch(code: str) -> list[int]:
    """Ids of the category of that code and of everything below it."""
    found = list(Category.objects.values_list("id", "parent_id", "code"))
    branch = {row_id for row_id, _, own in found if own == code}
    for row_id, parent_id, _ in sorted(found):
        if parent_id in branch:
            branch.add(row_id)
    return sorted(branch)


def _depth(category: Category) -> int:
    depth, node = 1, category.parent
    while node is not None and depth <= MAX_DEPTH:
        depth, node = depth + 1, node.parent
    return depth
