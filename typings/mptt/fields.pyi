from mptt.models import TreeForeignKey as TreeForeignKey
