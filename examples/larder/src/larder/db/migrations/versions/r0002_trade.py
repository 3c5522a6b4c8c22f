"""Stock, sales and orders."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "stock",
        sa.Column("shop_id", sa.Integer, sa.ForeignKey("shop.id"), primary_key=True),
        sa.Column("product_id", sa.Integer, sa.ForeignKey("product.id"), primary_key=True),
        sa.Column("quantity", sa.Integer, nullable=False),
    )
    op.create_table(
        "sale",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("shop_id", sa.Integer, sa.ForeignKey("shop.id"), nullable=False),
        sa.Column("product_id", sa.Integer, sa.ForeignKey("product.id"), nullable=False),
        sa.Column("day", sa.Date, nullable=False, index=True),
        sa.Column("quantity", sa.Integer, nullable=False),
    )
    op.create_table(
        "customer_order",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("shop_id", sa.Integer, sa.ForeignKey("shop.id"), nullable=False),
        sa.Column("email", sa.String(120), nullable=False),
        sa.Column("placed_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "order_line",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("order_id", sa.Integer, sa.ForeignKey("customer_order.id"), nullable=False),
        sa.Column("product_id", sa.Integer, sa.ForeignKey("product.id"), nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("price", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    for table in ("order_line", "customer_order", "sale", "stock"):
        op.drop_table(table)
