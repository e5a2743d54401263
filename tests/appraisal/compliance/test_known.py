import json
import struct

import pytest

from lotabots.appraisal.compliance import facts_of
from lotabots.models import MemoryTree
from lotabots.models.scan import scan


def weights() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + bytes(16)


def facts(**files: bytes) -> dict[str, object]:
    named = {name.replace("_json", ".json"): data for name, data in files.items()}
    tree = MemoryTree({"model.safetensors": weights()} | named)
    return dict(facts_of(scan(tree)))


def test_facts_come_from_the_configuration() -> None:
    config = b'{"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 4096}'
    known = facts(config_json=config)
    assert known["architecture"] == "LlamaForCausalLM"
    assert known["context_length"] == 4096
    assert known["parameters"] == 4
    assert (known["derived"], known["templates"], known["licence_files"]) == ("", 0, 0)


def test_what_nothing_states_is_left_out() -> None:
    assert {"architecture", "context_length"}.isdisjoint(facts())


@pytest.mark.parametrize(
    "config",
    [b"[]", b"{", b'{"max_position_embeddings": true}', b'{"max_position_embeddings": "1"}'],
)
def test_a_configuration_of_another_shape_states_nothing(config: bytes) -> None:
    assert "context_length" not in facts(config_json=config)


def test_an_adapter_is_derived() -> None:
    adapter = b'{"base_model_name_or_path": "a/b", "peft_type": "LORA"}'
    assert facts(adapter_config_json=adapter)["derived"] == "adapter"


def test_a_chat_template_is_counted() -> None:
    tokenizer = b'{"chat_template": "{{ messages }}"}'
    assert facts(tokenizer_config_json=tokenizer)["templates"] == 1
