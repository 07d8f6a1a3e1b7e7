"""Notes, media, live sessions, cards, and what readers do with them."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from backend.core.migrating import InOneStep


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ('notes', '0001_initial'),
        ('notes', '0002_rank_due'),
        ('notes', '0003_one_index_each'),
    ]
    dependencies = [
        ('shops', '0001_tables'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        InOneStep([
            migrations.CreateModel(
                name='Topic',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=30)),
                    ('skeleton', models.CharField(editable=False, max_length=60, unique=True)),
                    ('note_count', models.PositiveIntegerField(default=0)),
                ],
                options={
                    'verbose_name': 'topic 话题',
                    'verbose_name_plural': 'topics 话题',
                },
            ),
            migrations.CreateModel(
                name='LiveSession',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('title', models.CharField(max_length=40)),
                    ('status', models.CharField(choices=[('scheduled', 'scheduled 预告'), ('live', 'live 直播中'), ('ended', 'ended 已结束'), ('cancelled', 'cancelled 已取消')], default='scheduled', max_length=9)),
                    ('starts_at', models.DateTimeField()),
                    ('started_at', models.DateTimeField(blank=True, null=True)),
                    ('ended_at', models.DateTimeField(blank=True, null=True)),
                    ('host', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'live session 直播间',
                    'verbose_name_plural': 'live sessions 直播间',
                    'indexes': [models.Index(fields=['status', '-id'], name='live_status')],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('status', 'live')), fields=('host',), name='live_one_per_host')],
                },
            ),
            migrations.CreateModel(
                name='LiveProduct',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('position', models.PositiveSmallIntegerField(default=0)),
                    ('origin', models.CharField(default='own', max_length=6)),
                    ('pinned_at', models.DateTimeField(blank=True, null=True)),
                    ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='shops.product')),
                    ('session', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='cards', to='notes.livesession')),
                ],
                options={
                    'verbose_name': 'live card 直播商品',
                    'verbose_name_plural': 'live cards 直播商品',
                    'constraints': [models.UniqueConstraint(fields=('session', 'product'), name='live_card_once'), models.UniqueConstraint(condition=models.Q(('pinned_at__isnull', False)), fields=('session',), name='live_one_pinned')],
                },
            ),
            migrations.CreateModel(
                name='MediaFile',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('image', 'image 图片'), ('video', 'video 视频')], max_length=5)),
                    ('file', models.FileField(upload_to='media/%Y%m')),
                    ('width', models.PositiveIntegerField()),
                    ('height', models.PositiveIntegerField()),
                    ('size_bytes', models.PositiveIntegerField()),
                    ('created_at', models.DateTimeField()),
                    ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'media file 媒体文件',
                    'verbose_name_plural': 'media files 媒体文件',
                },
            ),
            migrations.CreateModel(
                name='Note',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('image', 'image 图文'), ('video', 'video 视频')], max_length=5)),
                    ('title', models.CharField(blank=True, default='', max_length=20)),
                    ('body', models.TextField(blank=True, default='', max_length=1000)),
                    ('city_code', models.CharField(blank=True, default='', max_length=6)),
                    ('status', models.CharField(choices=[('draft', 'draft 草稿'), ('published', 'published 已发布'), ('withdrawn', 'withdrawn 已撤回'), ('taken_down', 'taken down 已下架'), ('deleted', 'deleted 已删除')], default='draft', max_length=10)),
                    ('takedown_reason', models.CharField(blank=True, default='', max_length=300)),
                    ('revision', models.PositiveIntegerField(default=1)),
                    ('created_at', models.DateTimeField()),
                    ('published_at', models.DateTimeField(blank=True, null=True)),
                    ('edited_at', models.DateTimeField(blank=True, null=True)),
                    ('like_count', models.PositiveIntegerField(default=0)),
                    ('collect_count', models.PositiveIntegerField(default=0)),
                    ('comment_count', models.PositiveIntegerField(default=0)),
                    ('share_count', models.PositiveIntegerField(default=0)),
                    ('hot', models.FloatField(default=0)),
                    ('rank_version', models.CharField(default='q1', max_length=8)),
                    ('terms', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), blank=True, default=list, editable=False, size=None)),
                    ('tsv', models.GeneratedField(db_persist=True, expression=models.Func(models.F('terms'), function='array_to_tsvector'), output_field=django.contrib.postgres.search.SearchVectorField())),
                    ('author', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('topics', models.ManyToManyField(blank=True, related_name='notes', to='notes.topic')),
                    ('rank_due', models.BooleanField(db_default=False, default=False, editable=False, help_text='acted on since `hot` was set')),
                ],
                options={
                    'verbose_name': 'note 笔记',
                    'verbose_name_plural': 'notes 笔记',
                    'indexes': [models.Index(condition=models.Q(('status', 'published')), fields=['-hot', '-id'], name='note_hot'), models.Index(condition=models.Q(('status', 'published')), fields=['author', '-published_at', '-id'], name='note_author'), models.Index(condition=models.Q(('status', 'published'), models.Q(('city_code', ''), _negated=True)), fields=['city_code', '-hot', '-id'], name='note_city'), models.Index(fields=['author', '-id'], name='note_mine'), django.contrib.postgres.indexes.GinIndex(fields=['tsv'], name='note_terms'), models.Index(condition=models.Q(('rank_due', True)), fields=['id'], name='note_rank_due')],
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('status', 'published'), _negated=True), ('published_at__isnull', False), _connector='OR'), name='note_published_at')],
                },
            ),
            migrations.CreateModel(
                name='Like',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField()),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('note', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='likes', to='notes.note')),
                ],
                options={
                    'verbose_name': 'like 点赞',
                    'verbose_name_plural': 'likes 点赞',
                    'constraints': [models.UniqueConstraint(fields=('note', 'account'), name='like_once')],
                },
            ),
            migrations.CreateModel(
                name='Follow',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField()),
                    ('followee', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('follower', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('via_note', models.ForeignKey(help_text='gained by it', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='notes.note')),
                ],
                options={
                    'verbose_name': 'follow 关注',
                    'verbose_name_plural': 'follows 关注',
                    'indexes': [models.Index(fields=['followee', '-id'], name='follow_followee')],
                    'constraints': [models.UniqueConstraint(fields=('follower', 'followee'), name='follow_once'), models.CheckConstraint(condition=models.Q(('follower', models.F('followee')), _negated=True), name='follow_not_self')],
                },
            ),
            migrations.CreateModel(
                name='Comment',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('text', models.CharField(max_length=300)),
                    ('status', models.CharField(choices=[('visible', 'visible 可见'), ('deleted', 'deleted 已删除'), ('hidden', 'hidden 已隐藏')], default='visible', max_length=7)),
                    ('at', models.DateTimeField()),
                    ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('parent', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='answers', to='notes.comment')),
                    ('note', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='comments', to='notes.note')),
                ],
                options={
                    'verbose_name': 'comment 评论',
                    'verbose_name_plural': 'comments 评论',
                    'indexes': [models.Index(fields=['note', '-id'], name='comment_note')],
                },
            ),
            migrations.CreateModel(
                name='Collect',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField()),
                    ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('note', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='collects', to='notes.note')),
                ],
                options={
                    'verbose_name': 'collect 收藏',
                    'verbose_name_plural': 'collects 收藏',
                    'indexes': [models.Index(fields=['account', '-id'], name='collect_mine')],
                    'constraints': [models.UniqueConstraint(fields=('note', 'account'), name='collect_once')],
                },
            ),
            migrations.CreateModel(
                name='NoteMedia',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('position', models.PositiveSmallIntegerField(default=0)),
                    ('cover_crop', models.JSONField(blank=True, null=True)),
                    ('labels', models.JSONField(blank=True, default=list)),
                    ('file', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='notes.mediafile')),
                    ('note', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='media', to='notes.note')),
                ],
                options={
                    'verbose_name': 'note media 笔记媒体',
                    'verbose_name_plural': 'note media 笔记媒体',
                    'ordering': ['position', 'id'],
                    'constraints': [models.UniqueConstraint(fields=('note', 'position'), name='note_media_position'), models.CheckConstraint(condition=models.Q(('position__lt', 18)), name='note_media_count')],
                },
            ),
            migrations.CreateModel(
                name='NoteProduct',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('position', models.PositiveSmallIntegerField(default=0)),
                    ('origin', models.CharField(choices=[('own', 'own goods 自家商品'), ('others', "others' goods 他人商品")], max_length=6)),
                    ('note', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='cards', to='notes.note')),
                    ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='shops.product')),
                ],
                options={
                    'verbose_name': 'product card 商品卡',
                    'verbose_name_plural': 'product cards 商品卡',
                    'ordering': ['position', 'id'],
                    'constraints': [models.UniqueConstraint(fields=('note', 'product'), name='card_once')],
                },
            ),
            migrations.CreateModel(
                name='GoodsNoteApplication',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('follower_count_at_apply', models.PositiveIntegerField()),
                    ('status', models.CharField(choices=[('submitted', 'submitted 已提交'), ('approved', 'approved 已通过'), ('rejected', 'rejected 已驳回'), ('revoked', 'revoked 已收回')], default='submitted', max_length=9)),
                    ('reason', models.CharField(blank=True, default='', max_length=300)),
                    ('submitted_at', models.DateTimeField()),
                    ('decided_at', models.DateTimeField(blank=True, null=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'goods-note application 带货申请',
                    'verbose_name_plural': 'goods-note applications 带货申请',
                    'constraints': [models.UniqueConstraint(condition=models.Q(('status__in', ['submitted', 'approved'])), fields=('account',), name='goods_note_one_open')],
                },
            ),
        ]),
    ]
