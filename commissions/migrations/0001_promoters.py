"""Promoters, agencies, links and their clicks, coupon codes, customer locks."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from backend.core.migrating import InOneStep


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ('commissions', '0001_initial'),
        ('commissions', '0005_lean_indexes'),
        ('commissions', '0006_checked_in_sets'),
        ('commissions', '0008_one_index_each'),
        ('commissions', '0030_agencies'),
    ]
    dependencies = [
        ('shops', '0001_tables'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        InOneStep([
            migrations.CreateModel(
                name='Promoter',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('invite_code', models.CharField(max_length=12, unique=True)),
                    ('status', models.CharField(choices=[('active', 'active 正常'), ('frozen', 'frozen 冻结'), ('left', 'left 已退出')], default='active', max_length=6)),
                    ('joined_at', models.DateTimeField()),
                    ('account', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='promoter', to=settings.AUTH_USER_MODEL)),
                    ('sponsor', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='invited', to='commissions.promoter')),
                    ('tier', models.CharField(choices=[('standard', 'standard 普通'), ('silver', 'silver 银牌'), ('gold', 'gold 金牌')], db_default='standard', default='standard', max_length=8)),
                    ('member_since', models.DateTimeField(blank=True, editable=False, null=True)),
                    ('sponsored_at', models.DateTimeField(blank=True, help_text='when the inviter last changed after joining; an order placed before asks the dated edges', null=True)),
                ],
                options={
                    'verbose_name': 'promoter 推客',
                    'verbose_name_plural': 'promoters 推客',
                    'indexes': [models.Index(fields=['sponsor', '-id'], include=('status',), name='promoter_team')],
                    'constraints': [models.CheckConstraint(condition=models.Q(('sponsor__isnull', True), ('sponsor__lt', models.F('id')), _connector='OR'), name='promoter_no_cycle')],
                },
            ),
            migrations.CreateModel(
                name='SponsorEdge',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('from_at', models.DateTimeField()),
                    ('recorded_at', models.DateTimeField()),
                    ('reason', models.CharField(blank=True, default='', max_length=200)),
                    ('promoter', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='edges', to='commissions.promoter')),
                    ('sponsor', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commissions.promoter')),
                ],
                options={
                    'verbose_name': 'sponsor edge 邀请关系',
                    'verbose_name_plural': 'sponsor edges 邀请关系',
                    'indexes': [models.Index(fields=['promoter', '-from_at', '-id'], name='edge_as_of')],
                    'constraints': [models.CheckConstraint(condition=models.Q(('sponsor__isnull', True), ('sponsor__lt', models.F('promoter')), _connector='OR'), name='edge_no_cycle')],
                },
            ),
            migrations.CreateModel(
                name='TierChange',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('tier', models.CharField(choices=[('standard', 'standard 普通'), ('silver', 'silver 银牌'), ('gold', 'gold 金牌')], max_length=8)),
                    ('from_at', models.DateTimeField()),
                    ('reason', models.CharField(blank=True, default='', max_length=300)),
                    ('promoter', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='tier_changes', to='commissions.promoter')),
                ],
                options={
                    'verbose_name': 'tier change 等级变更',
                    'verbose_name_plural': 'tier changes 等级变更',
                    'indexes': [models.Index(fields=['promoter', '-from_at', '-id'], name='tier_as_of')],
                },
            ),
            migrations.CreateModel(
                name='PromotionLink',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('target_kind', models.CharField(choices=[('product', 'product 商品'), ('note', 'note 笔记'), ('shop', 'shop 店铺'), ('live', 'live 直播间')], max_length=7)),
                    ('target_id', models.BigIntegerField()),
                    ('code', models.CharField(max_length=16, unique=True)),
                    ('channel', models.CharField(blank=True, default='', max_length=30)),
                    ('created_at', models.DateTimeField()),
                    ('disabled_at', models.DateTimeField(blank=True, null=True)),
                    ('promoter', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='links', to='commissions.promoter')),
                ],
                options={
                    'verbose_name': 'promotion link 推广链接',
                    'verbose_name_plural': 'promotion links 推广链接',
                    'constraints': [models.UniqueConstraint(fields=('promoter', 'target_kind', 'target_id', 'channel'), name='link_once')],
                },
            ),
            migrations.CreateModel(
                name='Touch',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('click_id', models.CharField(max_length=40, unique=True)),
                    ('kind', models.CharField(choices=[('referral', 'referral link 推广链接'), ('note', 'note 笔记'), ('live', 'live 直播')], max_length=8)),
                    ('content_id', models.BigIntegerField(help_text='note or live session', null=True)),
                    ('visitor', models.CharField(help_text="opaque id kept by the visitor's cookie", max_length=40)),
                    ('at', models.DateTimeField()),
                    ('account', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('link', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='touches', to='commissions.promotionlink')),
                ],
                options={
                    'verbose_name': 'touch 触达',
                    'verbose_name_plural': 'touches 触达',
                    'indexes': [models.Index(fields=['visitor', '-at'], name='touch_visitor'), models.Index(condition=models.Q(('account__isnull', False)), fields=['account', '-at'], name='touch_account'), models.Index(fields=['link', '-at'], name='touch_link')],
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('kind', 'referral'), ('link__isnull', False)), models.Q(('content_id__isnull', False), ('kind__in', ['note', 'live'])), _connector='OR'), name='touch_source')],
                },
            ),
            migrations.CreateModel(
                name='CouponCode',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('code', models.CharField(max_length=16, unique=True)),
                    ('discount_bps', models.PositiveIntegerField(default=0)),
                    ('starts_at', models.DateTimeField()),
                    ('ends_at', models.DateTimeField(blank=True, null=True)),
                    ('creator', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('promoter', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='coupon_codes', to='commissions.promoter')),
                    ('shop', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='shops.shop')),
                ],
                options={
                    'verbose_name': 'coupon code 优惠码',
                    'verbose_name_plural': 'coupon codes 优惠码',
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('creator__isnull', True), ('promoter__isnull', False)), models.Q(('creator__isnull', False), ('promoter__isnull', True)), _connector='OR'), name='coupon_one_holder'), models.CheckConstraint(condition=models.Q(('ends_at__isnull', True), ('ends_at__gte', models.F('starts_at')), _connector='OR'), name='coupon_period'), models.CheckConstraint(condition=models.Q(('discount_bps__lte', 5000)), name='coupon_discount'), models.CheckConstraint(condition=models.Q(('code__regex', '^[A-Z0-9]{4,16}$')), name='coupon_code_form')],
                },
            ),
            migrations.CreateModel(
                name='LockChange',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('source', models.CharField(choices=[('product', 'product 商品'), ('content', 'content 内容'), ('live', 'live 直播')], max_length=7)),
                    ('cause', models.CharField(choices=[('click', 'click 点击'), ('order', 'paid order 支付订单')], max_length=5)),
                    ('cause_id', models.BigIntegerField(help_text='touch or order line')),
                    ('days', models.PositiveSmallIntegerField()),
                    ('mode', models.CharField(choices=[('first', 'first bind 首次绑定'), ('last', 'last bind 最后绑定'), ('override', 'override after the protect period 保护期后可抢绑')], max_length=8)),
                    ('protect_days', models.PositiveSmallIntegerField()),
                    ('at', models.DateTimeField()),
                    ('buyer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('promoter', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commissions.promoter')),
                    ('shop', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='shops.shop')),
                ],
                options={
                    'verbose_name': 'lock change 锁客记录',
                    'verbose_name_plural': 'lock changes 锁客记录',
                    'indexes': [models.Index(fields=['buyer', 'shop', 'at'], name='lock_change_buyer'), models.Index(fields=['promoter', '-id'], name='lock_change_promoter')],
                    'constraints': [models.UniqueConstraint(fields=('cause', 'cause_id', 'shop'), name='lock_change_once'), models.CheckConstraint(condition=models.Q(('days__gt', 0)), name='lock_change_days')],
                },
            ),
            migrations.CreateModel(
                name='LockSetting',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('mode', models.CharField(choices=[('first', 'first bind 首次绑定'), ('last', 'last bind 最后绑定'), ('override', 'override after the protect period 保护期后可抢绑')], default='first', max_length=8)),
                    ('click_product_days', models.PositiveSmallIntegerField(default=0)),
                    ('click_content_days', models.PositiveSmallIntegerField(default=0)),
                    ('click_live_days', models.PositiveSmallIntegerField(default=0)),
                    ('order_product_days', models.PositiveSmallIntegerField(default=0)),
                    ('order_content_days', models.PositiveSmallIntegerField(default=0)),
                    ('order_live_days', models.PositiveSmallIntegerField(default=0)),
                    ('protect_days', models.PositiveSmallIntegerField(default=0)),
                    ('since', models.DateTimeField()),
                    ('shop', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='shops.shop')),
                ],
                options={
                    'verbose_name': 'lock setting 锁客设置',
                    'verbose_name_plural': 'lock settings 锁客设置',
                    'constraints': [models.UniqueConstraint(fields=('shop', 'since'), name='lock_setting_once', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('click_content_days__lte', 365), ('click_live_days__lte', 365), ('click_product_days__lte', 365), ('order_content_days__lte', 365), ('order_live_days__lte', 365), ('order_product_days__lte', 365), ('protect_days__lte', 365)), name='lock_setting_days')],
                },
            ),
            migrations.CreateModel(
                name='Agency',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=40)),
                    ('status', models.CharField(choices=[('active', 'active 正常'), ('suspended', 'suspended 停用')], default='active', max_length=9)),
                    ('created_at', models.DateTimeField()),
                    ('owner', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='agency', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'agency 机构',
                    'verbose_name_plural': 'agencies 机构',
                },
            ),
            migrations.CreateModel(
                name='AgencyEdge',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveIntegerField()),
                    ('kind', models.CharField(choices=[('joined', 'joined 加入'), ('left', 'left 退出')], max_length=6)),
                    ('from_at', models.DateTimeField()),
                    ('recorded_at', models.DateTimeField()),
                    ('reason', models.CharField(blank=True, default='', max_length=200)),
                    ('agency', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='edges', to='commissions.agency')),
                    ('child', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commissions.agency')),
                    ('promoter', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commissions.promoter')),
                ],
                options={
                    'verbose_name': 'agency edge 机构关系',
                    'verbose_name_plural': 'agency edges 机构关系',
                    'indexes': [models.Index(fields=['agency', '-id'], name='agency_edges')],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('promoter__isnull', False)), fields=('promoter', 'number'), name='agency_member_once'), models.UniqueConstraint(condition=models.Q(('child__isnull', False)), fields=('child', 'number'), name='agency_child_once'), models.CheckConstraint(condition=models.Q(models.Q(('child__isnull', True), ('promoter__isnull', False)), models.Q(('child__isnull', False), ('promoter__isnull', True)), _connector='OR'), name='agency_edge_member'), models.CheckConstraint(condition=models.Q(('child__isnull', True), ('agency__lt', models.F('child')), _connector='OR'), name='agency_edge_no_cycle')],
                },
            ),
            migrations.CreateModel(
                name='AgencyInvitation',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('status', models.CharField(choices=[('open', 'open 待答复'), ('accepted', 'accepted 已接受'), ('declined', 'declined 已拒绝'), ('withdrawn', 'withdrawn 已撤回')], default='open', max_length=9)),
                    ('invited_at', models.DateTimeField()),
                    ('answered_at', models.DateTimeField(blank=True, null=True)),
                    ('agency', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='invitations', to='commissions.agency')),
                    ('child', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commissions.agency')),
                    ('promoter', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commissions.promoter')),
                ],
                options={
                    'verbose_name': 'agency invitation 机构邀请',
                    'verbose_name_plural': 'agency invitations 机构邀请',
                    'indexes': [models.Index(fields=['agency', '-id'], name='agency_invitations'), models.Index(condition=models.Q(('promoter__isnull', False)), fields=['promoter', '-id'], name='agency_asked'), models.Index(condition=models.Q(('child__isnull', False)), fields=['child', '-id'], name='agency_asked_child')],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('promoter__isnull', False), ('status', 'open')), fields=('promoter', 'agency'), name='agency_invites_once'), models.UniqueConstraint(condition=models.Q(('child__isnull', False), ('status', 'open')), fields=('child', 'agency'), name='agency_invites_child_once'), models.CheckConstraint(condition=models.Q(models.Q(('child__isnull', True), ('promoter__isnull', False)), models.Q(('child__isnull', False), ('promoter__isnull', True)), _connector='OR'), name='agency_invitation_member'), models.CheckConstraint(condition=models.Q(('child__isnull', True), ('agency__lt', models.F('child')), _connector='OR'), name='agency_invitation_no_cycle')],
                },
            ),
            migrations.CreateModel(
                name='AgencyShare',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveIntegerField()),
                    ('share_bps', models.PositiveIntegerField()),
                    ('from_at', models.DateTimeField()),
                    ('recorded_at', models.DateTimeField()),
                    ('agency', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='shares', to='commissions.agency')),
                ],
                options={
                    'verbose_name': 'agency share 机构分成',
                    'verbose_name_plural': 'agency shares 机构分成',
                    'constraints': [models.UniqueConstraint(fields=('agency', 'number'), name='agency_share_once'), models.CheckConstraint(condition=models.Q(('from_at__gte', models.F('recorded_at')), ('number__gte', 1), ('share_bps__lte', 10000)), name='agency_share_range')],
                },
            ),
            migrations.CreateModel(
                name='ComplianceFinding',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('day', models.DateField()),
                    ('people', models.PositiveIntegerField()),
                    ('levels', models.PositiveIntegerField()),
                    ('reached', models.CharField(choices=[('both', '30 people and 3 levels 人数和层级'), ('people', '30 people 人数'), ('levels', '3 levels 层级')], max_length=6)),
                    ('recorded_at', models.DateTimeField()),
                    ('root', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commissions.promoter')),
                ],
                options={
                    'verbose_name': 'compliance finding 合规提示',
                    'verbose_name_plural': 'compliance findings 合规提示',
                    'indexes': [models.Index(fields=['day', '-people'], name='compliance_day')],
                    'constraints': [models.UniqueConstraint(fields=('root', 'day'), name='compliance_once_a_day'), models.CheckConstraint(condition=models.Q(('levels__gte', 1), ('people__gte', 1)), name='compliance_counts')],
                },
            ),
            migrations.CreateModel(
                name='PromoterCount',
                fields=[
                    ('promoter', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='count', serialize=False, to='commissions.promoter')),
                    ('lines', models.PositiveIntegerField()),
                    ('gmv_fen', models.BigIntegerField(help_text='of the lines, less what was refunded')),
                    ('commission_fen', models.BigIntegerField(help_text="the promoter's part, passed on or kept")),
                    ('as_of', models.DateTimeField()),
                ],
                options={
                    'verbose_name': 'promoter count 推客统计',
                    'verbose_name_plural': 'promoter counts 推客统计',
                },
            ),
            migrations.CreateModel(
                name='AgencyCount',
                fields=[
                    ('edge', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='count', serialize=False, to='commissions.agencyedge')),
                    ('lines', models.PositiveIntegerField()),
                    ('gmv_fen', models.BigIntegerField(help_text='of the lines, less what was refunded')),
                    ('part_fen', models.BigIntegerField(help_text="the member's part, passed on or kept")),
                    ('passed_on_fen', models.BigIntegerField(help_text='of the part, to the agency and those above')),
                    ('as_of', models.DateTimeField()),
                ],
                options={
                    'verbose_name': 'agency count 机构统计',
                    'verbose_name_plural': 'agency counts 机构统计',
                },
            ),
        ]),
    ]
