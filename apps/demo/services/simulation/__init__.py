"""Living a simulated year in the database: who acts, what goes wrong, one shard, and all of them together."""
