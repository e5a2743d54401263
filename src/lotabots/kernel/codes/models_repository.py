"""Codes about what a model's texts say together; in place of a kind, the finding's `Severity`."""

from lotabots.kernel.codes.code import Code

_REJECT, _INCONCLUSIVE, _WARNING = "reject", "inconclusive", "warning"
_SOURCE = "Get the file again from its source and compare its digest with the published one."

_TEMPLATES = (
    Code(
        "TEMPLATE-UNREADABLE",
        _INCONCLUSIVE,
        "A chat template uses what the reader of templates here does not know.",
        "Read the template yourself, and approve its digest with `--approve-template`.",
    ),
    Code(
        "TEMPLATE-ESCAPE",
        _REJECT,
        "A chat template reaches for what no template needs: Python's internals, files, calls.",
        "Do not load the model: rendering its template can run code. No approval lifts this.",
    ),
    Code(
        "TEMPLATE-CONDITIONAL",
        _REJECT,
        "A chat template adds words of its own when a message says something, or at some time.",
        "Read the branch; approve the template's digest with `--approve-template` if it is wanted.",
    ),
    Code(
        "TEMPLATE-INSTRUCTION",
        _INCONCLUSIVE,
        "A chat template adds sentences of its own, always or under some condition.",
        "Read them; approve the template's digest with `--approve-template` if they are wanted.",
    ),
    Code(
        "TEMPLATE-DIFFERS",
        _REJECT,
        "The chat templates in two files of the model differ: two servers prompt it differently.",
        "Ask the publisher which one is right; approve both digests if both are wanted.",
    ),
)

_VOCABULARIES = (
    Code(
        "TOKENIZER-COLLISION",
        _REJECT,
        "Two tokens have one id, or one token has two: text is not what the model reads.",
        _SOURCE,
    ),
    Code(
        "TOKENIZER-DRIFT",
        _REJECT,
        "The vocabulary is none of the approved ones: tokens were added, removed or swapped.",
        "Compare it with the approved tokenizer; approve the new digest if the change is wanted.",
    ),
    Code(
        "TOKENIZER-ROWS",
        _REJECT,
        "The vocabulary does not fit the rows of the embedding, or the size that is configured.",
        "Use the tokenizer that belongs to these weights.",
    ),
    Code(
        "TOKENIZER-BROKEN",
        _REJECT,
        "A vocabulary of SentencePiece has a field that it should not have, or is cut off.",
        _SOURCE,
    ),
    Code(
        "TOKENIZER-LARGE",
        _INCONCLUSIVE,
        "A vocabulary of SentencePiece has more than 32 MiB or a million tokens.",
        "Find out what makes it so large; the largest in use have a quarter of that.",
    ),
    Code(
        "TOKENIZER-MALFORMED",
        _INCONCLUSIVE,
        "A file of a tokenizer has another shape than the tokenizers that are read here.",
        _SOURCE,
    ),
)

_WEIGHTS = (
    Code(
        "INDEX-MALFORMED",
        _INCONCLUSIVE,
        "An index of weight files has another shape than the one that is read here.",
        _SOURCE,
    ),
    Code(
        "INDEX-ESCAPE",
        _REJECT,
        "An index of weight files names a path outside of its own folder.",
        "Do not load the model: its loader would open a file that is not part of it.",
    ),
    Code(
        "INDEX-MISSING-FILE",
        _REJECT,
        "An index names a weight file that the model does not have.",
        _SOURCE,
    ),
    Code(
        "INDEX-EXTRA-FILE",
        _REJECT,
        "A weight file lies beside an index that does not name it.",
        "Remove the file if no loader needs it; a glob would load it.",
    ),
    Code(
        "INDEX-TENSOR",
        _REJECT,
        "A tensor is not where the index says, or is in a file and not in the index.",
        _SOURCE,
    ),
    Code(
        "INDEX-DUPLICATE",
        _REJECT,
        "A tensor is in two weight files: which one is used depends on the loader.",
        _SOURCE,
    ),
    Code(
        "INDEX-ABSENT",
        _INCONCLUSIVE,
        "Weight files are numbered as parts of a whole, and there is no index of them.",
        _SOURCE,
    ),
    Code(
        "ADAPTER-UNPINNED",
        _REJECT,
        "An adapter names its base model, but not which version: the base can change under it.",
        "Set `revision` to a full commit id, or `base_model_digest` to `sha256:...` of the base.",
    ),
    Code(
        "ADAPTER-BASE",
        _REJECT,
        "An adapter is pinned to another base than the one that was given.",
        "Scan it against the base that it was made for.",
    ),
    Code(
        "ADAPTER-SHAPE",
        _REJECT,
        "A tensor of an adapter does not fit its own rank, its partner or the base's tensor.",
        "Use the adapter with the base that it was made for, or get it again.",
    ),
    Code(
        "ADAPTER-UNCHECKED",
        _INCONCLUSIVE,
        "Whether an adapter fits its base was not checked: the base's tensors were not given.",
        "Name the folder of the base with `--base`.",
    ),
    Code(
        "VARIANT-UNDECLARED",
        _REJECT,
        "The weights are quantised, and the model's own files say that they are not.",
        "Do not use it in place of the model it names; get a variant that says what it is.",
    ),
    Code(
        "VARIANT-AS-BASE",
        _REJECT,
        "The weights are quantised, and the model card presents them as the base model.",
        "Name the base in the card: `base_model`, and `base_model_relation: quantized`.",
    ),
)

_CARDS = (
    Code(
        "CARD-MALFORMED",
        _INCONCLUSIVE,
        "The front matter of the model card is not YAML with one reading.",
        "Write it without tags, anchors and repeated keys.",
    ),
    Code(
        "CARD-PARAMETERS",
        _REJECT,
        "The model card states another number of parameters than the weights have.",
        "Correct the card, or find out whose weights these are.",
    ),
    Code(
        "LICENCE-MISMATCH",
        _REJECT,
        "The licence that the model card names is not the one whose text lies beside it.",
        "Ask the publisher which one applies; nothing is licensed until they agree.",
    ),
    Code(
        "LICENCE-ALTERED",
        _REJECT,
        "The text is that of a known licence with parts added or removed.",
        "Have the changed text read by who judges licences for you.",
    ),
    Code(
        "LICENCE-UNKNOWN",
        _WARNING,
        "The licence's text, or the id that the card gives, is none of those known here.",
        "Have the text read by who judges licences for you.",
    ),
)

CODES: tuple[Code, ...] = (*_TEMPLATES, *_VOCABULARIES, *_WEIGHTS, *_CARDS)
