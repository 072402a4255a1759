"""What the network addresses of PostgreSQL are in Python."""

from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from typing import TypeAlias

Inet: TypeAlias = IPv4Address | IPv4Interface | IPv6Address | IPv6Interface
Cidr: TypeAlias = IPv4Network | IPv6Network
