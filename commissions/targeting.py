"""Targeting 定向: whom a plan version speaks to, in SQL, for whoever asks it (K1).

Everybody, or promoters by name, by tier, or as members of an agency that the version names. Tier
and membership are dated: what held at the instant of the order counts, and the row that said so is
never changed, so a replay, a late worker or a later change finds the same. An edge holds from its
`from_at` on, until the member's next one begins. The agencies below the one that is named are not
meant: whoever means them names them.
"""

# The edge by which a promoter was, at an instant, a member of an agency that the version names: a
# row or none; not looked for where the version speaks to everybody.
_MEMBERSHIP = """
SELECT edge.id AS edge_id, edge.agency_id FROM (
    SELECT id, agency_id, kind FROM commissions_agencyedge
    WHERE promoter_id = {who}.id AND from_at <= {at} ORDER BY number DESC LIMIT 1) edge
JOIN commissions_planagency given
    ON given.version_id = {version}.id AND given.agency_id = edge.agency_id
WHERE NOT {version}.all_promoters AND edge.kind = 'joined'
"""
_NAMED = """
EXISTS (SELECT FROM commissions_plantarget given
        WHERE given.version_id = {version}.id AND given.promoter_id = {who}.id)
"""
# The promoters who are members now of the agencies that a version names.
_MEMBERS_NOW = """
SELECT edge.promoter_id FROM commissions_planagency given
JOIN commissions_agencyedge edge ON edge.agency_id = given.agency_id AND edge.kind = 'joined'
    AND edge.promoter_id IS NOT NULL
WHERE given.version_id = {version}.id AND NOT EXISTS (
    SELECT FROM commissions_agencyedge later
    WHERE later.promoter_id = edge.promoter_id AND later.number = edge.number + 1)
"""


def membership(*, version: str, who: str, at: str) -> str:
    """A query for the edge by which the promoter `who` was at `at` a member of an agency that the
    plan version `version` names: aliases of rows of the statement around it."""
    return _MEMBERSHIP.format(version=version, who=who, at=at)


def how(*, version: str, who: str, tier: str, edge: str) -> str:
    """An expression that says how the version speaks to a promoter: `all`, `promoter`, `tier`,
    `agency`, or null where it does not. `edge` is what `membership` found."""
    named = _NAMED.format(version=version, who=who)
    return (
        f"CASE WHEN {version}.all_promoters THEN 'all' WHEN {named} THEN 'promoter'"
        f" WHEN {tier} = ANY({version}.tiers) THEN 'tier' WHEN {edge} IS NOT NULL THEN 'agency' END"
    )


def speaks_to(*, version: str, who: str, tier: str, at: str) -> str:
    """A condition: the version speaks to a promoter of this tier at this instant."""
    named = _NAMED.format(version=version, who=who)
    edge = membership(version=version, who=who, at=at)
    return (
        f"({version}.all_promoters OR {tier} = ANY({version}.tiers) OR {named} OR EXISTS ({edge}))"
    )


def people_now(*, version: str) -> str:
    """A query for the promoters whom a version that names somebody speaks to now, some of them
    twice."""
    members = _MEMBERS_NOW.format(version=version)
    return (
        f"SELECT id AS promoter_id FROM commissions_promoter WHERE tier = ANY({version}.tiers)"
        " UNION ALL SELECT promoter_id FROM commissions_plantarget"
        f" WHERE version_id = {version}.id UNION ALL ({members})"
    )
