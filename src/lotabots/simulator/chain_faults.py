"""Faults in the certificates that come with a report."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from cryptography import x509

from lotabots.simulator.authorities import NEVER, forged_identity, provisioner
from lotabots.simulator.certificates import Authority, key_ids, usage
from lotabots.simulator.chains import make_leaf
from lotabots.simulator.chips import GB100, GH100, Chip, Model
from lotabots.simulator.devices import Device
from lotabots.simulator.faults import Fault
from lotabots.simulator.seeds import private_key

Chain = tuple[x509.Certificate, ...]
ChainFault = Callable[[Device, Device], Chain]
"""The chain to send for the first device; the second is another genuine device of its kind."""


def _forged_root(device: Device, _: Device) -> Chain:
    identity, root = forged_identity(device.identity.model)
    return (*device.identity.chain[:3], identity.certificate, root.certificate)


def _leaf_by_leaf(device: Device, _: Device) -> Chain:
    """Whoever has the leaf's key issues a leaf for a key of their own."""
    own = device.identity
    key = private_key(device.seed, "leaf by leaf").public_key()
    issued = make_leaf(own.model, key, Authority(own.leaf, own.key), own.device_id, own.fwid)
    return (issued, *own.chain)


def _brom_without_ca(device: Device, _: Device) -> Chain:
    issuer = provisioner(device.identity.model)
    brom = device.identity.brom
    certificate = issuer.issue(
        brom.certificate.subject,
        brom.key.public_key(),
        brom.certificate.serial_number,
        (device.identity.model.born, NEVER),
        (
            (usage(sign_data=True), True),
            *key_ids(brom.key.public_key(), issuer.key.public_key()),
        ),
    )
    return (device.identity.leaf, certificate, *device.identity.chain[2:])


def _leaf_of_another_chip(device: Device, _: Device) -> Chain:
    own = device.identity
    model = _another(own.model)
    device_id = own.device_id.replace(own.model.certificate_name, model.certificate_name)
    leaf = make_leaf(model, own.key.public_key(), own.brom, device_id, own.fwid)
    return (leaf, *own.chain[1:])


def _id_of_another_chip(device: Device, _: Device) -> Chain:
    own = device.identity
    device_id = own.device_id.replace(
        own.model.certificate_name, _another(own.model).certificate_name
    )
    leaf = make_leaf(own.model, own.key.public_key(), own.brom, device_id, own.fwid)
    return (leaf, *own.chain[1:])


def _another(model: Model) -> Model:
    return GH100 if model.chip is Chip.GB100 else GB100


def _rearranged(change: Callable[[Chain], Chain]) -> ChainFault:
    return lambda device, _: change(device.identity.chain)


CHAINS: Mapping[Fault, ChainFault] = MappingProxyType(
    {
        Fault.LEAF_OF_ANOTHER: lambda device, other: (
            other.identity.leaf,
            *device.identity.chain[1:],
        ),
        Fault.CHAIN_OF_ANOTHER: lambda _, other: other.identity.chain,
        Fault.CHAIN_REORDERED: _rearranged(lambda chain: (chain[1], chain[0], *chain[2:])),
        Fault.CHAIN_OF_FOUR: _rearranged(lambda chain: (*chain[:2], *chain[3:])),
        Fault.CHAIN_OF_SIX: _rearranged(lambda chain: (*chain, chain[-1])),
        Fault.CHAIN_WITHOUT_LEAF: _rearranged(lambda chain: chain[1:]),
        Fault.CHAIN_ROOT_ONLY: _rearranged(lambda chain: chain[-1:]),
        Fault.CHAIN_EMPTY: _rearranged(lambda _: ()),
        Fault.CHAIN_FORGED_ROOT: _forged_root,
        Fault.CHAIN_LEAF_BY_LEAF: _leaf_by_leaf,
        Fault.CHAIN_BROM_NO_CA: _brom_without_ca,
        Fault.LEAF_OF_ANOTHER_CHIP: _leaf_of_another_chip,
        Fault.ID_OF_ANOTHER_CHIP: _id_of_another_chip,
    }
)
