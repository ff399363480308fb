"""A city's year on a virtual clock, through the same services and sweeps that the real city uses.

Everything that chance decides is drawn from dice named after the seed, the report and its version: whoever draws again,
after a crash or in another process, draws the same. So a run can be killed anywhere, goes on where it stopped, and
ends with the same histories, which is what its digest shows.

`plan`: what is to happen. `arrivals`: when and where something is reported. `cases`: one report as its people know it.
`habits`: what people do about it. These four are pure.
"""
