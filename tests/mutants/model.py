"""Wrong ways to put layers together: the block, the model, and its parameters."""

from .mutant import Mutant

WHOLE_MODEL = ("nn/test_transformer.py",)  # a block is tested there, as a part of the model and on its own

BLOCK = (
    Mutant(
        name="block: attention's update replaces the stream",
        file="nn/block.py",
        old='p["attn.c_proj.bias"], residual=x)',
        new='p["attn.c_proj.bias"])',
        why="A block adds to the residual stream; what it does not touch passes unchanged.",
        tests=WHOLE_MODEL,
    ),
    Mutant(
        name="block: the MLP reads the stream of before attention",
        file="nn/block.py",
        old='residual=x)\n\n    normed, ln_2 = operations.layernorm_forward(x, p["ln_2.weight"]',
        new='residual=(before := x))\n\n    normed, ln_2 = operations.layernorm_forward(before, p["ln_2.weight"]',
        why="GPT-J runs the two side by side; in GPT-2 the MLP sees what attention has just written.",
        tests=WHOLE_MODEL,
    ),
    Mutant(
        name="block: the second LayerNorm uses the first one's parameters",
        file="nn/block.py",
        old='p["ln_2.weight"], p["ln_2.bias"]',
        new='p["ln_1.weight"], p["ln_1.bias"]',
        why="Freshly initialised the two are equal, so a test needs random parameters.",
        tests=WHOLE_MODEL,
    ),
    Mutant(
        name="block: start not passed on",
        file="nn/block.py",
        old="attention_forward(qkv, n_heads, start)",
        new="attention_forward(qkv, n_heads)",
        why="Forward and backward agree, so only a test that changes what lies before start sees it.",
        tests=WHOLE_MODEL,
    ),
    Mutant(
        name="block: one head whatever was asked for",
        file="nn/block.py",
        old="attention_forward(qkv, n_heads, start)",
        new="attention_forward(qkv, 1, start)",
        why="Parameters have the same shapes with any number of heads, and the backward follows: only values tell.",
        tests=WHOLE_MODEL,
    ),
    Mutant(
        name="block backward: straight path around the MLP missing",
        file="nn/block.py",
        old='layernorm_backward(mlp["x"], ln_2_cache, residual=dx)',
        new='layernorm_backward(mlp["x"], ln_2_cache)',
        why="The stream forks into two paths, and their gradients add up; the straight one is why depth trains at all.",
        tests=WHOLE_MODEL,
    ),
    Mutant(
        name="block backward: straight path around attention missing",
        file="nn/block.py",
        old='layernorm_backward(c_attn["x"], ln_1_cache, residual=dx)',
        new='layernorm_backward(c_attn["x"], ln_1_cache)',
        why="The stream forks into two paths, and their gradients add up.",
        tests=WHOLE_MODEL,
    ),
    Mutant(
        name="block backward: path through the MLP missing",
        file="nn/block.py",
        old='dx = ln_2["x"]',
        new="dx = dx + 0",
        why="What lies below must learn what the MLP above makes of it.",
        tests=WHOLE_MODEL,
    ),
    Mutant(
        name="block backward: path through attention missing",
        file="nn/block.py",
        old='"x": ln_1["x"]',
        new='"x": dx',
        why="Only the last block's parameters would keep right gradients, so a test needs two blocks, or the input.",
        tests=WHOLE_MODEL,
    ),
    Mutant(
        name="block backward: attention gets the gradient at the block's end",
        file="nn/block.py",
        old="linear_backward(dx, c_proj_cache)",
        new='linear_backward(dx - ln_2["x"], c_proj_cache)',
        why="What attention writes is read by the MLP, too, so its gradient holds the MLP's share.",
        tests=WHOLE_MODEL,
    ),
    Mutant(
        name="block backward: LayerNorm gradients exchanged",
        file="nn/block.py",
        old='"ln_1.weight": ln_1["weight"]',
        new='"ln_1.weight": ln_2["weight"]',
        why="Gradients of one shape under each other's name: every parameter has to be checked, by its name.",
        tests=WHOLE_MODEL,
    ),
)

TRANSFORMER = (
    Mutant(
        name="Transformer: final LayerNorm skipped",
        file="nn/transformer.py",
        old="logits, unembedding = self.operations.unembedding_forward(normed, self._head())",
        new="logits, unembedding = self.operations.unembedding_forward(stream[-1], self._head())",
        why="The stream grows from block to block; pre-LN models normalise it once more before the head.",
    ),
    Mutant(
        name="Transformer: every block uses the first one's parameters",
        file="nn/transformer.py",
        old="self._block(layer), self.config.n_heads",
        new="self._block(0), self.config.n_heads",
        why="A model of one block can't tell.",
    ),
    Mutant(
        name="Transformer: only the first block runs",
        file="nn/transformer.py",
        old="            block_caches.append(cache)\n",
        new="            block_caches.append(cache)\n            break\n",
        why="The other blocks' gradients are 0, and so are the numerical ones: a gradient check passes.",
    ),
    Mutant(
        name="Transformer: start not passed on",
        file="nn/transformer.py",
        old="x, cache = block_forward(x, self._block(layer), self.config.n_heads, self.operations, start)",
        new="x, cache = block_forward(x, self._block(layer), self.config.n_heads, self.operations)",
        why="Forward and backward agree, so only a test that changes what lies before start sees it.",
    ),
    Mutant(
        name="Transformer: start for the first block only",
        file="nn/transformer.py",
        old="x, cache = block_forward(x, self._block(layer), self.config.n_heads, self.operations, start)",
        new=(
            "x, cache = block_forward(x, self._block(layer), self.config.n_heads, self.operations, "
            "start if layer == 0 else None)"
        ),
        why="What lies before start then leaks in through the second block. A model of one block can't tell.",
    ),
    Mutant(
        name="Transformer: start for all blocks but the last",
        file="nn/transformer.py",
        old="x, cache = block_forward(x, self._block(layer), self.config.n_heads, self.operations, start)",
        new=(
            "x, cache = block_forward(x, self._block(layer), self.config.n_heads, self.operations, "
            "start if layer < self.config.n_layers - 1 else None)"
        ),
        why="What lies before start leaks in through the last block.",
    ),
    Mutant(
        name="Transformer: one head whatever was asked for",
        file="nn/transformer.py",
        old="self._block(layer), self.config.n_heads,",
        new="self._block(layer), 1,",
        why="Parameters have the same shapes with any number of heads, and the backward follows: only values tell.",
    ),
    Mutant(
        name="Transformer: untied head reads the token embedding",
        file="nn/transformer.py",
        old='self.parameters["wte.weight" if self.config.tie_embeddings else "lm_head.weight"]',
        new='self.parameters["wte.weight"]',
        why="An untied model has a head of its own, and one that nothing reads never learns.",
    ),
    Mutant(
        name="Transformer: hidden states without the embedding output",
        file="nn/transformer.py",
        old="return np.stack(stream)",
        new="return np.stack(stream[1:])",
        why="Index 0 is the embedding output; without it every layer is called by the number of the one below.",
    ),
    Mutant(
        name="Transformer: hidden states normalised",
        file="nn/transformer.py",
        old="return np.stack(stream)",
        new='return np.stack([self.operations.layernorm_forward(x, self.parameters["ln_f.weight"], '
        'self.parameters["ln_f.bias"])[0] for x in stream])',
        why="The final LayerNorm belongs to the head; what is recorded is the stream itself.",
    ),
    Mutant(
        name="Transformer: initial weights that write into the stream not made smaller",
        file="nn/transformer.py",
        old="INITIAL_STD / np.sqrt(2 * self.config.n_layers)",
        new="INITIAL_STD",
        why="The stream sums up 2 L updates, so its variance would grow with the depth.",
    ),
    Mutant(
        name="Transformer: residual weights made smaller by sqrt(L)",
        file="nn/transformer.py",
        old="np.sqrt(2 * self.config.n_layers)",
        new="np.sqrt(self.config.n_layers)",
        why="Each block writes twice, once from attention and once from the MLP.",
    ),
    Mutant(
        name="Transformer: LayerNorm scales start at 0",
        file="nn/transformer.py",
        old="view[...] = 1  #",
        new="view[...] = 0  #",
        why="Then all logits are 0 and so are most gradients: nothing starts to learn.",
    ),
    Mutant(
        name="Transformer: an untied head starts as small as what writes into the stream",
        file="nn/transformer.py",
        old='name.endswith("c_proj.weight") else',
        new='name.endswith(("c_proj.weight", "lm_head.weight")) else',
        why="The head reads the stream; only what adds to it 2 L times has to be smaller.",
    ),
    Mutant(
        name="Transformer: the MLP no wider than the stream",
        file="nn/transformer.py",
        old="4 * self.d_model",
        new="self.d_model",
        why="GPT-2's MLP is four times as wide; it learns with less as well, so that only a test tells.",
    ),
    Mutant(
        name="Transformer backward: tied head forgets the path through the logits",
        file="nn/transformer.py",
        old='embedding["wte"] + unembedding["wte"]',
        new='embedding["wte"]',
        why="The matrix is read twice, at the bottom and at the top, and receives from both.",
    ),
    Mutant(
        name="Transformer backward: tied head forgets the path through the embedding",
        file="nn/transformer.py",
        old='embedding["wte"] + unembedding["wte"]',
        new='unembedding["wte"]',
        why="The matrix is read twice, at the bottom and at the top, and receives from both.",
    ),
    Mutant(
        name="Transformer backward: untied gradients exchanged",
        file="nn/transformer.py",
        old='embedding["wte"], unembedding["wte"]',
        new='unembedding["wte"], embedding["wte"]',
        why="Both have the shape (V, C), so only numbers tell them apart.",
    ),
    Mutant(
        name="Transformer backward: final LayerNorm skipped",
        file="nn/transformer.py",
        old='dx = ln_f["x"]',
        new='dx = unembedding["x"]',
        why="Every line of a forward has its line in the backward; the shape is the same without it.",
    ),
    Mutant(
        name="Transformer backward: blocks from the first to the last",
        file="nn/transformer.py",
        old="reversed(list(enumerate(block_caches)))",
        new="list(enumerate(block_caches))",
        why="Backward means backward: the last block comes first. A model of one block can't tell.",
    ),
    Mutant(
        name="Transformer backward: every block gets the last one's gradient",
        file="nn/transformer.py",
        old='dx = block.pop("x")',
        new='block.pop("x")',
        why="Each block hands its input's gradient to the one below.",
    ),
    Mutant(
        name="Transformer backward: one buffer for the gradients of all calls",
        file="nn/transformer.py",
        old="gradients = self.operations.new_gradients(self.parameters)",
        new='gradients = self.__dict__.setdefault("_gradients", self.operations.new_gradients(self.parameters))',
        why="Faster, and the gradients that were kept from the last call, to add or to compare, change under "
        "one's hands.",
    ),
)

PARAMETERS = (
    Mutant(
        name="parameters: copies instead of views",
        file="nn/parameters.py",
        old="name: piece.reshape(shape) for",
        new="name: piece.reshape(shape).copy() for",
        why="An optimiser that writes into the flat array would no longer change the model.",
    ),
    Mutant(
        name="parameters: a deep copy that shares the original's memory",
        file="nn/parameters.py",
        old="copy = self.zeros_like()  #",
        new="copy = self  #",
        why="A copy that is kept to compare with later would move along with the model.",
    ),
    Mutant(
        name="parameters: a deep copy without the entries",
        file="nn/parameters.py",
        old="        copy.flat[:] = self.flat\n",
        new="",
        why="A copy of a model has its numbers, not only its names and shapes.",
    ),
    Mutant(
        name="parameters: pickled in single precision",
        file="nn/parameters.py",
        old="(self.shapes, self.flat)",
        new="(self.shapes, self.flat.astype(np.float32))",
        why="A model that has been saved and loaded has the same numbers, to the last digit, and the same dtype.",
    ),
)

MODEL = (*BLOCK, *TRANSFORMER, *PARAMETERS)
