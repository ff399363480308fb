"""Tree numbers in one statement, from the parents alone; mptt's own rebuild() takes half a minute for a city."""

from django.db import connection

# In preorder, the i-th node at depth d is entered after i-1 nodes, of which all but its d ancestors have been left:
# lft = 2i - 1 - d, and rght = lft + 2 * size - 1.
_NUMBER = """
WITH RECURSIVE walk AS (
    SELECT id, tree_id AS tree, 0 AS depth, ARRAY[code::text] AS path, ARRAY[id] AS ids
    FROM grids_grid WHERE parent_id IS NULL
    UNION ALL
    SELECT g.id, w.tree, w.depth + 1, w.path || g.code::text || g.id::text, w.ids || g.id
    FROM grids_grid g JOIN walk w ON g.parent_id = w.id
), sizes AS (
    SELECT above AS id, count(*) AS size FROM walk CROSS JOIN unnest(ids) AS above GROUP BY above
), numbered AS (
    SELECT walk.id, tree, depth, size,
           2 * row_number() OVER (PARTITION BY tree ORDER BY path COLLATE "C") - 1 - depth AS lft
    FROM walk JOIN sizes USING (id)
)
UPDATE grids_grid g SET tree_id = n.tree, level = n.depth, lft = n.lft, rght = n.lft + 2 * n.size - 1
FROM numbered n
WHERE n.id = g.id
  AND (g.tree_id, g.level, g.lft, g.rght) IS DISTINCT FROM (n.tree, n.depth, n.lft, n.lft + 2 * n.size - 1)
"""


def renumber_forest() -> int:
    """Give every cell the numbers its parent demands, siblings by code; return how many rows changed.

    Under the tree's lock only. Every root must have a tree_id of its own already.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NUMBER)
        return int(cursor.rowcount)
