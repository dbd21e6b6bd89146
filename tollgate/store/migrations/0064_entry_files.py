"""Files of the lake may lack a correction that was posted while they were written: corrected days are compared.

Their time was that of the end of the writing, and now is that before its beginning. The night compares what was
corrected after the time of its file, so that a day earlier, longer than any writing took, has it look once.
"""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation

EARLIER = """
UPDATE lake_file SET written_at = written_at - interval '1 day'
WHERE kind = 'entry' AND replaced_at IS NULL AND erased_at IS NULL
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0063_carrier_payments")]
    operations: ClassVar[list[Operation]] = [migrations.RunSQL(EARLIER, migrations.RunSQL.noop)]
