"""What was changed by an act: rows before and after, tied to the audit's entries by the act."""

from django.db import migrations, models
from django.db.models.functions import Now

from backend.core.guards import (
    ACT_FUNCTION,
    ROW_CHANGE_FUNCTION,
    append_only,
    drop_append_only,
)


class Migration(migrations.Migration):
    dependencies = [("core", "0004_one_index_each")]

    operations = [
        migrations.CreateModel(
            name='RowChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_default=Now(), help_text="by the database's own clock")),
                ('act', models.UUIDField()),
                ('table_name', models.CharField(max_length=63)),
                ('row_id', models.CharField(max_length=64)),
                ('operation', models.CharField(choices=[('insert', 'added 新增'), ('update', 'changed 修改'), ('delete', 'removed 删除')], max_length=6)),
                ('before', models.JSONField(null=True)),
                ('after', models.JSONField(null=True)),
                ('database_user', models.CharField(max_length=63)),
            ],
            options={
                'verbose_name': 'row change 数据变更',
                'verbose_name_plural': 'row changes 数据变更',
                'indexes': [models.Index(fields=['table_name', 'row_id', 'id'], name='change_of_row'), models.Index(fields=['act'], name='change_act')],
            },
        ),
        migrations.RunSQL(ACT_FUNCTION, "DROP FUNCTION IF EXISTS tuike_act() CASCADE"),
        migrations.RunSQL(
            ROW_CHANGE_FUNCTION, "DROP FUNCTION IF EXISTS tuike_row_change() CASCADE"
        ),
        migrations.RunSQL(append_only("core_rowchange"), drop_append_only("core_rowchange")),
        # Entries of before have no act: first the column, then what new ones get.
        migrations.AddField(
            model_name='auditentry',
            name='act',
            field=models.UUIDField(help_text='the same in every row that one transaction wrote, and in its row changes', null=True),
        ),
        migrations.AlterField(
            model_name='auditentry',
            name='act',
            field=models.UUIDField(db_default=models.Func(function='tuike_act'), help_text='the same in every row that one transaction wrote, and in its row changes', null=True),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['act'], name='audit_act'),
        ),
    ]
