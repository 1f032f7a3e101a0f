"""What must be said of the ice of an ensemble of simulations before it is looked at: who has none, and what is counted."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from lib.cirrus.schema import Q_SHOWN, weighted_means


def members_by_ice(ice: xr.Dataset) -> dict[str, list[str]]:
    """Members of an ensemble (member, ...) by how much ice they have where they have most.

    Keys are "unknown" (no value is known), "none", "little" (less cloud ice than `Q_SHOWN`) and "enough".
    """
    places = [name for name in ice["q_i"].dims if name != "member"]
    cloud_ice = ice["q_i"].max(places)
    every = ice["q_i_total"].max(places).fillna(cloud_ice) if "q_i_total" in ice else cloud_ice
    unknown, none, enough = cloud_ice.isnull(), every == 0, cloud_ice >= Q_SHOWN
    kinds = {"unknown": unknown, "none": none, "little": ~(unknown | none | enough), "enough": enough}
    return {kind: [str(member) for member in ice.member.values[there.values]] for kind, there in kinds.items()}


def cloud_ice_share(ice: xr.Dataset) -> xr.DataArray:
    """Share (member,) of all ice that is cloud ice; NaN where there is no ice, or where not all of its categories are known."""
    means = weighted_means(ice[["q_i", "q_i_total"]], [name for name in ice["q_i"].dims if name != "member"])
    return means["q_i"] / means["q_i_total"].where(means["q_i_total"] > 0)


def ice_remark(ice: xr.Dataset) -> str:
    """What must be said of an ensemble (member, ...) at one time: who has ice, none or little, and how much of it is in q_i."""
    members = members_by_ice(ice)
    limit = f"{1e6 * Q_SHOWN:g} mg kg⁻¹"
    said = {
        "none": "Without ice",
        "little": f"With less than {limit} of cloud ice everywhere, too little to show its fall speed and density",
        "unknown": "Without output at this time",
    }
    n_with, n = len(members["enough"] + members["little"]), ice.sizes["member"]
    parts = [f"Members with ice: {n_with} of {n}."]
    parts += [f"{words}: {_listed(members[kind])}." for kind, words in said.items() if members[kind]]
    if "q_i_total" in ice:
        parts += _what_is_cloud_ice(cloud_ice_share(ice))
    if "without" in ice.attrs:
        parts += [f"Categories of ice that the scheme has and the files have not: {ice.without}."]
    return " ".join(parts)


def _what_is_cloud_ice(share: xr.DataArray) -> list[str]:
    """How much of all ice is cloud ice, in a sentence, from the share (member,) of each member; none where it is not known."""
    if share.isnull().all():
        return []
    if share.min() == 1:
        return ["All of the ice is in q_i."]
    least, most = (f"{100 * float(value):.3g}" for value in (share.min(), share.max()))
    return [f"Cloud ice, q_i, is {least if least == most else f'{least} to {most}'} % of all ice, q_i_total, of a member."]


def _listed(members: Sequence[str], most: int = 5) -> str:
    more = f" and {len(members) - most} more" if len(members) > most else ""
    return ", ".join(members[:most]) + more
