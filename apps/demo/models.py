"""How far a simulation has come, so that it goes on where it was stopped."""

from django.db import models


class SimulatedShard(models.Model):
    """One process's part of a simulation: the districts that it lives through. `plan`: apps.demo.simulation.Plan."""

    plan = models.TextField()
    number = models.PositiveSmallIntegerField()
    reached_at = models.DateTimeField(null=True)  # on the virtual clock; everything up to here is done
    tally = models.JSONField(default=dict)  # what was done, what was refused, what went wrong: by name

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "number"], name="simulated_shard_once")]

    def __str__(self) -> str:
        return f"{self.number}: {self.reached_at}"
