# %% [markdown]
# # Lesson 15: Real places
#
# **Goals.** After this lesson you can turn English sentences into tokens without ever meeting an unknown word, say
# where in the model the meaning of a question sits and where it gives way to the answer, ask a trained model something
# in words of your own, tell when it should say nothing, and say why a sure answer is not yet a known one.
#
# **Time.** 70 minutes to read, without the exercises; the script runs in about 20 seconds, most of which is the
# training.
#
# **Assumes.** NumPy arrays. What a task, a pattern and the three splits are (lesson 2), and that the adjusted Rand
# index, ARI, is 1 where clusters are the tasks and near 0 where they have nothing to do with them (lesson 4). What of a
# transformer is needed is said below.
#
# Run it in the environment that README sets up: as a script, `.venv/bin/python lessons/lesson_15_real_places.py`
# (Windows: `.venv\Scripts\python`); cell by cell in an editor that knows `# %%` cells; or as a notebook, which
# `.venv/bin/python -m minicluster notebook 15` writes. With `--save` its picture goes to
# `figures/lesson_15_real_places.png`.

# %%
import sys
from collections import Counter
from dataclasses import replace

import numpy as np

from minicluster.cluster import PCA, adjusted_rand_score, cross_subgroup_neighbor_score, regrouping_null
from minicluster.experiments.measure import cluster
from minicluster.experiments.settings import GeographySettings
from minicluster.experiments.trial import train
from minicluster.plots.real_places import draw_real_places
from minicluster.tasks import END, SEPARATOR, WordPattern, WordTokenizer, load_places
from minicluster.tasks.geography import outside_questions
from minicluster.tasks.questions import COMMON_WORDS

# %% [markdown]
# ## The idea: from letters to English
#
# So far an instruction was a string such as `jjlhgah`. That had its use: such strings mean nothing, so the model could
# know nothing but what we taught it. But you may ask whether any of it holds for sentences that people say.
#
# So here is the same trial in English. A *task* is now a fact that one can ask for: a place's continent, capital,
# currency, dialling code, internet domain, hemisphere, language, or whether it has a coast. An *input* is a place, such
# as Iceland. An *instruction* is a question, and there are many ways to put it: "what is the capital of this place",
# "which city is home to its government". Nowhere does it say that these two are the same task.
#
# The question stays: does the model, inside, put together what belongs together? (Wu & Varshney check their
# finding in such a setting, where the model is given a location and states its continent, arXiv:2402.12151. Questions,
# models and all numbers in this lesson are ours; most of the facts are from GeoNames, see
# `minicluster/tasks/places.py`.)

# %% [markdown]
# ## A pattern over words, in the open
#
# A pattern is a way of phrasing. Lesson 2 wrote `g[kl](ab|cd)e?` for letters. The same grammar serves for words, if a
# space parts one from the next: `[state name] the (capital|seat of government) of this place please?` means: one of two
# words; "the"; one of two alternatives; "of this place"; perhaps "please".
#
# **Predict before you run.** How many different sentences does it make?

# %%
rng = np.random.default_rng(15)


def draw_by_hand(rng):
    words = [("state", "name")[rng.integers(2)], "the"]
    words += (["capital"], ["seat", "of", "government"])[rng.integers(2)]
    words += ["of", "this", "place"]
    words += ([], ["please"])[rng.integers(2)]
    return " ".join(words)


sentences = sorted({draw_by_hand(rng) for _ in range(300)})
print(*sentences, sep="\n")

pattern = WordPattern("[state name] the (capital|seat of government) of this place please?")
assert pattern.count() == len(sentences) == 8  # 2 x 2 x 2
assert all(pattern.probability(sentence) == 1 / 8 for sentence in sentences)
assert not pattern.matches("name the capitals of this place")

# %% [markdown]
# The library's `WordPattern` agrees. The patterns to come are longer, and there are several for each fact.
#
# ## Words to tokens
#
# A model reads numbers, so each word gets one: its position in a list of known words. And a word that is not in the
# list? People will type such words. One could turn all of them into one token, "unknown". But then "Narnia" and
# "Utopia" would be the same to the model, and no text could be had back from its tokens.
#
# So we spell it. First comes a token that says "letters follow", then one token for each letter. More precisely, one
# for each *byte*: computers store text as numbers from 0 to 255, a plain letter as one of them, an "é" as two. With
# 256 tokens for the bytes, whatever anybody types can be written, in any script.
#
# In the open, these are ten lines.

# %%
known_words = ["the", "capital", "of", "this", "place"]


def names_by_hand(text):
    names = []
    for word in text.split(" "):
        if word in known_words:
            names.append(word)
        else:
            names.append("<spell>")
            for byte in word.encode("utf-8"):
                names.append(f"'{chr(byte)}'" if 32 <= byte < 127 else f"<{byte:02x}>")
    return names


small = WordTokenizer(known_words)
for text in ("the capital of this place", "the capital of Perú", "the Kapital of this place ?"):
    tokens = small.encode(text)  # (n,)
    assert small.vocabulary.decode(tokens) == names_by_hand(text)
    assert small.decode(tokens) == text
    print(f"{len(tokens):3} tokens:", *names_by_hand(text))

# %% [markdown]
# The library's `WordTokenizer` says the same, and gives every text back from its tokens. The price: an unknown word
# costs as many tokens as it has letters, and one more.
#
# ## One whole example
#
# The lesson takes 40 places of the table's, so that training is short; the others will be needed later. In one point
# the questions differ from lesson 2's strings: into some of them we have put words that have nothing to do with the
# matter: common ones, and made-up ones, which have to be spelled. They change no answer. Why put them in? Because you
# will use words that the model has never seen, and it can learn to read past such words only if there are some.

# %%
data = {"n_places": 40, "n_instructions": 20, "n_places_each": 10, "strange": 0.15}  # strange: in which share of them
settings = replace(GeographySettings(), **data, steps=500, n_recordings=2, restarts=5)
dataset = settings.make_dataset(seed=15)
tokenizer, places, facts = dataset.tokenizer, dataset.places, dataset.tasks
T, vocabulary = dataset.context_length, dataset.vocabulary
print(f"{len(places)} places, {len(facts)} facts: {', '.join(facts)}")
print(f"{dataset.n_distributions} patterns a fact; {len(vocabulary)} tokens; sequences of T = {T} tokens")
different = dataset.train.instruction[dataset.train.unique_instructions()]  # (questions,)
for question in different[:: len(different) // 8]:
    print("  ", question)
spelled = np.mean([any(word not in tokenizer.words for word in question.split(" ")) for question in different])
print(f"{spelled:.0%} of the questions have a made-up word")

several_words = dataset.train.mask.sum(axis=1) > 2  # (n,) what is counted is the answer's words and the end
lengths = np.where(several_words, dataset.train.lengths, T)  # (n,)
example = dataset.train[lengths.argmin()]  # the shortest with such an answer
place = places[example.input]
print(f'\nfact "{facts[example.task]}", place {place.name}, the answer is {place.facts[facts[example.task]]}')
print(f"{'token':>14} {'target':>14}   counted")
for token, target, counted in zip(example.tokens, example.targets, example.mask):
    if vocabulary.names[token] != "<pad>":
        print(f"{vocabulary.names[token]:>14} {vocabulary.names[target]:>14}   {'yes' if counted else ''}")

# %% [markdown]
# The question comes first, then the separator, the place, the answer, and a token that ends it. At each position the
# target is the next token, and the loss counts those of the answer. So the model is asked to go on writing, one token
# after the other, as large language models are.
#
# **Check** it by hand: build the row anew.

# %%
sep, end = vocabulary.encode([SEPARATOR, END]).tolist()


def prompt_tokens(question, name):
    """What the model reads before it answers: question, separator, place."""
    return np.concatenate([tokenizer.encode(str(question)), [sep], tokenizer.encode(name)])  # (n,)


prompt = prompt_tokens(example.instruction, place.name)
row = np.concatenate([prompt, tokenizer.encode(place.facts[facts[example.task]]), [end]])
assert (row[:-1] == example.tokens[: len(row) - 1]).all() and (row[1:] == example.targets[: len(row) - 1]).all()
assert example.mask.nonzero()[0].tolist() == list(range(len(prompt) - 1, len(row) - 1))

# %% [markdown]
# ## Three splits
#
# They are those of lesson 2: *train*; *unseen instruction*, new sentences of the same patterns; and *unseen
# combination*, a known question about a place that was never trained *with that pattern*.
#
# How can the last be answered at all? Facts can't be reasoned out: nobody can tell a currency from a country's name. It
# can be answered because the fact itself was trained, with *other* patterns. Say, "what do people pay with in this
# place" was never asked of Iceland, but "state the currency of this place" was. A model that knows both sentences to be
# the same question has the answer. One that learned each pattern's answers for itself can't have it.
#
# Check it by set operations.

# %%
pairs = {name: set(zip(s.distribution.tolist(), s.input.tolist())) for name, s in dataset.splits.items()}
asked = set(zip(dataset.train.task.tolist(), dataset.train.input.tolist()))  # (fact, place)
held_out = dataset.unseen_combination
assert pairs["unseen_combination"].isdisjoint(pairs["train"])  # never trained with this pattern
assert set(zip(held_out.task.tolist(), held_out.input.tolist())) <= asked  # but with another one
assert set(dataset.unseen_instruction.instruction).isdisjoint(dataset.train.instruction)
for name, split in dataset.splits.items():
    print(f"{name:20} {len(split):6} rows, {len(set(split.instruction)):5} different questions")

# %% [markdown]
# ## Training
#
# The model is that of the other lessons: it keeps for each token a *state* of C = 64 numbers, and in each of L = 4
# blocks every token looks at the states of the tokens before it and adds what it found to its own. Layer 0 is the state
# at the start, layer 1 after block 1, and so on. From the last state at a token every token of the vocabulary gets a
# score, and the highest says which token comes next.
#
# **Predict before you run:** accuracy on each split.

# %%
trained = train(settings, seed=15)
assert trained.dataset.digest() == dataset.digest()
model, M = trained.model, settings.middle_layer  # M: the layer to look at where one must be named, 2 of 4
accuracy = trained.recordings[-1].accuracy
for name, value in accuracy.items():
    print(f"{name:20} {value:.3f}")

right = []
for first in range(0, len(held_out), 200):  # by hand: an answer is right if each of its tokens is
    rows = held_out[first : first + 200]
    written = model.forward(rows.tokens)[0].argmax(axis=-1)  # (B, T, V) -> (B, T)
    right += ((written == rows.targets) | ~rows.mask).all(axis=1).tolist()  # (B, T) -> (B,)
assert np.isclose(np.mean(right), accuracy["unseen_combination"], atol=0.002)
assert min(accuracy.values()) > 0.9

# %% [markdown]
# Nearly all, on all three. Guessing would get about half where there are two answers, and one in forty where each place
# has its own. So the patterns of one fact have been put together. Where?
#
# ## Where the question's meaning sits
#
# The separator comes after the question and before the place. Its state can know of the question whatever it likes, and
# of the place nothing. Take the training questions, one state each, let k-means find eight clusters, as many as there
# are facts, and compare them with the facts, layer by layer.
#
# Three things could fool us. An *untrained* model has states, too. Clusters that follow patterns score above 0 for any
# grouping of whole patterns, so here is lesson 4's bar: deal the patterns at random into pseudo-tasks, and take the ARI
# that 99 of 100 deals stay below. And perhaps no model is needed: a *bag of words* is how often each word occurs in the
# question, and nothing else. Sentences about the capital often say "capital". (Made-up words are left out of the bag:
# their letters would only be in its way.)
#
# **Predict before you run.** Will k-means on the bag of words do as well as on the states?

# %%
rows = trained.strings["train"]  # one row a question
task_of_pattern = np.repeat(np.arange(len(facts)), dataset.n_distributions)  # (patterns,)
bag = np.stack([np.bincount(t[:s], minlength=len(vocabulary)) for t, s in zip(rows.tokens, rows.separator)])  # (n, V)
first_word = len(vocabulary) - len(tokenizer.words)  # words come behind all other tokens
assert vocabulary.names[first_word:] == tokenizer.words
bag = bag[:, first_word:]  # (n, V) -> (n, words)


def clusters_of(x):
    return cluster(trained.setup, x, x)[0]  # (n, C) -> (n,): k-means, k = 8, the best of several starts


def ari_of(x):
    return adjusted_rand_score(rows.task, clusters_of(x))


states = trained.recordings[-1].states["train"]  # (L + 1, n, C) at the separator
labels = [clusters_of(x) for x in states]  # L + 1 arrays (n,)
ari = {
    "separator": [adjusted_rand_score(rows.task, found) for found in labels],
    "separator, untrained": [ari_of(x) for x in trained.recordings[0].states["train"]],
}
nulls = [regrouping_null(found, rows.distribution, task_of_pattern, seed=0) for found in labels]
bar = [float(np.quantile(null, 0.99)) for null in nulls]
bag_ari = ari_of(bag)
print(f"{'ARI by layer':22}", *(f"{layer:5}" for layer in range(len(states))))
for name, curve in [*ari.items(), ("99 % of deals below", bar)]:
    print(f"{name:22}", *(f"{value + 0:5.2f}" for value in np.round(curve, 2)))
print(f"{'bag of words':22} {round(bag_ari, 2) + 0:5.2f}")
assert max(ari["separator"]) > 0.9 and max(ari["separator, untrained"]) < 0.2 and bag_ari < 0.3

# %% [markdown]
# One block is enough: after it the clusters are the facts, or nearly so. It takes no more than looking at all words and
# adding up what they speak for. At layer 0 a separator knows its position only.
#
# (This is so with few odd words in the questions. With many, k-means may group by something else, although the
# questions are answered as well as here: exercise 3.)
#
# And the bag of words, with the same words, has next to nothing. Is that not odd, when "capital" gives it away? It is
# there, but k-means goes by what differs *most* between sentences. Let us see which words' counts do.

# %%
by_variance = bag.var(axis=0).argsort()[::-1]  # (words,)
print("words whose counts differ most:", *[tokenizer.words[word] for word in by_variance[:20]])

# %% [markdown]
# Nearly all are ways to put a question, whatever it is about. To a bag all words weigh the same. The model has learned
# which words tell.
#
# So be fair to the bag, and ask a kinder question, that of lessons 1 and 11. Take a question's nearest neighbour *among
# all questions of other patterns*. In which share of cases is it of the same fact?


# %%
def neighbour_score(x):
    return cross_subgroup_neighbor_score(x, rows.task, rows.distribution)  # (n, C) -> a number


chance = (dataset.n_distributions - 1) / (len(task_of_pattern) - 1)
print("same fact as the nearest question of another pattern:")
print(f"   states, layer {M} {neighbour_score(states[M]):.2f}", end=", ")
print(f"bag of words {neighbour_score(bag):.2f}, by chance {chance:.2f}")

# %% [markdown]
# Better than chance, and far behind the states. (The course's experiment `geography` has harder questions, too, in
# which every sentence names two facts and wants one of them.)
#
# ## What happens at the last token
#
# The answer begins behind the place's last token, the last of the prompt: there question and place come together. So
# now the states at *that* token. The rows have all kinds of places, one drawn at random for each question.
#
# **Predict before you run.** Again eight clusters, compared with the facts. In which layers will they agree best, and
# how will it be in the last one, just before the answer is written?

# %%
last = trained.recordings[-1].states["train_input"]  # (L + 1, n, C) at the place's last token
ari["last token"] = [ari_of(x) for x in last]
print(f"{'last token, ARI':22}", *(f"{value + 0:5.2f}" for value in np.round(ari["last token"], 2)))
print(f"{'nearest neighbour':22}", *(f"{neighbour_score(x):5.2f}" for x in last))
assert max(ari["last token"]) < max(ari["separator"]) and neighbour_score(last[-1]) > 0.7

# %% [markdown]
# Clusters by fact are there, but far less clear than at the separator. Mostly they are clearest in an inner layer and
# have lost something by the last; how much differs from training to training. Here is a trap: someone who looks at the
# last layer of the last token only, as is often done since it is the easiest to get at, reports a model that does not
# quite know what was asked. One layer of one token is not the model.
#
# And what is asked has not been forgotten: the nearest question of another pattern is nearly always one of the same
# fact, in the last layer, too. So what has become of the eight clusters? Ask the pairs. Take two rows with *different
# places*, and the squared distance of their states. There are three kinds of pairs: the same fact asked and the same
# answer (the continent of two places in Africa); the same fact, another answer; another fact. Divide by the mean of all
# pairs, so that 1 is "as far as any".

# %%
answers = np.array([places[x].facts[facts[task]] for task, x in zip(rows.task, rows.input)])  # (n,)
one, other = np.triu_indices(len(rows), 1)  # all pairs
apart = rows.input[one] != rows.input[other]
one, other = one[apart], other[apart]
same_fact = rows.task[one] == rows.task[other]
same_answer = same_fact & (answers[one] == answers[other])
kinds = {
    "same fact, same answer": same_answer,
    "same fact, other answer": same_fact & ~same_answer,
    "other fact": ~same_fact,
}
spread = {name: [] for name in kinds}
for x in last.astype(np.float64):
    products = x @ x.T  # (n, C) @ (C, n) -> (n, n)
    squared = np.diag(products)[one] + np.diag(products)[other] - 2 * products[one, other]  # (pairs,)
    for name, chosen in kinds.items():
        spread[name].append(squared[chosen].mean() / squared.mean())
print(f"{'distances by layer':28}", *(f"{layer:5}" for layer in range(len(last))))
for name, curve in spread.items():
    print(f"{name:28}", *(f"{value:5.2f}" for value in curve))
assert spread["same fact, same answer"][-1] < spread["same fact, other answer"][-1]
assert spread["same fact, other answer"][-1] > min(spread["same fact, other answer"])

# %% [markdown]
# At layer 0 a state knows the place's last word and its position, so all three are near 1. In layer 1 rows that ask for
# the same fact have come together. From there on, or one layer later, two things happen at once: rows with the same
# answer come closer still, and rows of the same fact whose answers differ move apart again. At the end "Paris" and
# "Oslo" have to be told apart, although both are capitals. The clusters do not vanish, they split into smaller ones.
#
# (Compare a line over the layers, not one line with another: "same answer" has many pairs of those facts that have few
# answers.)
#
# Now the picture. On the left the separator in the middle layer, and beside it the ARI there; then the last token's
# distances, from layer to layer.

# %%
scores = {
    "trained": ari["separator"][M],
    "untrained": ari["separator, untrained"][M],
    "bag of words": bag_ari,
    "99 % of deals below": bar[M],
}
points = PCA(2).fit_transform(states[M])  # (n, C) -> (n, 2)
picture = draw_real_places(points, rows.task, facts, scores, spread)
print(picture.alt)
picture.show("lesson_15_real_places", save="--save" in sys.argv)

# %% [markdown]
# ## Ask it yourself, and when to say nothing
#
# Type a question, in small letters and without punctuation, with "this place" for the place. The model writes an answer
# token after token (`generate` takes the likeliest each time, until it writes `<end>`).
#
# Whatever it is asked, it answers, since nothing else was ever trained. Who is the president? It will say one of its
# words. How to tell that the question is about none of the eight facts? The clusters should help. But every state is
# nearest to *some* cluster, and nobody knows how far is too far. What is missing is the other side: questions that ask
# for nothing, to compare with.
#
# They can be made. Call a word *telling* if more than half of the questions that it is in are about one fact, and
# replace every telling word by another: a common one, or random letters. What is left sounds like a question, and asks
# for none of the facts.

# %%
counts = {}  # word: in how many questions of each fact it is, (facts,)
for question, task in zip(rows.instruction.tolist(), rows.task):
    for word in set(question.split(" ")):
        counts.setdefault(word, np.zeros(len(facts), int))[task] += 1
telling = {word for word, count in counts.items() if 2 * count.max() > count.sum()} - set(COMMON_WORDS)
in_patterns = sorted(telling & set(tokenizer.words), key=lambda word: (-counts[word].sum(), word))  # none made up
print(f"{len(in_patterns)} words tell, such as", *in_patterns[:12])


def other_word():
    if rng.random() < 0.5:
        return COMMON_WORDS[rng.integers(len(COMMON_WORDS))]
    return "".join(chr(97 + letter) for letter in rng.integers(26, size=rng.integers(2, 10)))


for question in rows.instruction[:: len(rows) // 4].tolist():
    print(f'"{question}"')
    print("    ->", " ".join(other_word() if word in telling else word for word in question.split(" ")))

nothing = outside_questions(dataset, 800, np.random.default_rng(15))  # the library's
assert not set(in_patterns) & {word for question in nothing for word in question.split(" ")}

# %% [markdown]
# None of our telling words is left in the library's questions. Now the rule. Let the model read 700 of them, and all
# training questions. A new question is *ours* if its nearest neighbour, among all of these states at the separator, is
# a training question; otherwise it is *outside*. And if it is ours, the nearest *centroid*, the mean of a fact's
# training questions, says which fact.

# %%
LONGEST = 8  # tokens of an answer
centroids = trained.centroids(M)  # (facts, C)


def state_of(question):
    tokens = np.append(tokenizer.encode(str(question)), sep)[-T:]  # (n,)
    return model.hidden_states(tokens[None])[M, 0, -1]  # (L + 1, 1, n, C) -> (C,)


outside_states = np.stack([state_of(question) for question in nothing[:700]])  # (700, C)


def compare(question):
    """The fact of the nearest centroid; how far the nearest training question is, and the nearest of the others."""
    state = state_of(question)  # (C,)
    fact = facts[np.linalg.norm(centroids - state, axis=1).argmin()]
    ours, outside = (float(np.linalg.norm(x - state, axis=1).min()) for x in (states[M], outside_states))
    return fact, ours, outside


def first_token(prompts):
    """The likeliest token after each of the prompts, and its probability: (B,) and (B,)."""
    ends = np.array([len(prompt) for prompt in prompts])  # (B,)
    tokens = np.zeros((len(prompts), ends.max()), np.int64)  # what stands behind a prompt changes nothing before it
    for line, prompt in zip(tokens, prompts):
        line[: len(prompt)] = prompt
    logits = model.forward(tokens)[0][np.arange(len(prompts)), ends - 1].astype(np.float64)  # (B, T, V) -> (B, V)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))  # (B, V)
    return logits.argmax(axis=1), weights.max(axis=1) / weights.sum(axis=1)


def ask(question, name):
    """What the model writes, and the probability of the first token of it."""
    prompt = prompt_tokens(question, name)
    written = model.generate(prompt, min(LONGEST, T - len(prompt)), end=end)[len(prompt) :]  # (n,)
    likeliest, probability = first_token([prompt])  # (1,), (1,)
    assert likeliest[0] == written[0]
    return tokenizer.decode(written[written != end]), float(probability[0])


home = next((place for place in places if place.name == "Iceland"), places[0])
name = home.name
question = "which money do hedgehogs use in this place"
print(*vocabulary.decode(prompt_tokens(question, name)))
fact, ours, outside = compare(question)
print(f"answer {ask(question, name)[0]}; nearest fact: {fact}; in the table: {home.facts['currency']}")
print(f"distance to the nearest training question {ours:.2f}, to the nearest that asks for nothing {outside:.2f}")
assert fact == "currency"

# %% [markdown]
# Hedgehogs were in no training question. The model reads them letter by letter, and reads past them: the question still
# lies by those about the currency.
#
# One question is no test. Here are the unseen questions of the same patterns, and a hundred more of those that ask for
# nothing. Then three lists typed by hand: eight of ours; eight about other things; and three that have a telling word,
# and ask for something else.
#
# **Predict before you run:** which share of each passes as ours? (Eight questions are few, and another person would
# type others.)

# %%
OURS = [
    "which continent would i find this place on",
    "i would like to hear what the capital of this place is",
    "what money should a hedgehog bring to this place",
    "what is the dialling code of lovely this place",
    "which internet domain did they choose for this place",
    "which hemisphere do sailors count this place in",
    "what language would a waiter speak in this place",
    "does this place happen to have a coast",
]
OUTSIDE = [
    "who is the president of this place",
    "how many people live in this place",
    "what is the highest mountain of this place",
    "which football team won in this place",
    "is this place a democracy",
    "write a poem about this place",
    "how old is this place",
    "does it rain much in this place",
]
NEAR = [
    "what colour is the money of this place",
    "who is the mayor of the capital of this place",
    "how many people speak the language of this place",
]
groups = {
    "unseen questions": trained.strings["unseen_instruction"].instruction.tolist(),
    "asking for nothing": nothing[700:],
    "typed, ours": OURS,
    "typed, other": OUTSIDE,
    "typed, near": NEAR,
}
passing = {}
for group, questions in groups.items():
    found = [compare(question) for question in questions]
    passing[group] = np.mean([ours <= outside for _, ours, outside in found])
    if not group.startswith("typed"):
        continue
    print(f"\n{group:56}  ours  nothing  passes  nearest          says of {name}, probability")
    for question, (fact, ours, outside) in zip(questions, found):
        text, probability = ask(question, name)
        line = f"{question:56} {ours:5.2f}  {outside:7.2f}  {'yes' if ours <= outside else 'no':6}  {fact:16}"
        print(line, f"{text}, {probability:.2f}")
print()
for group, share in passing.items():
    print(f"{group:19} {len(groups[group]):4} questions, {share:4.0%} pass")
assert passing["unseen questions"] > 0.8 > 0.4 > passing["asking for nothing"]
assert passing["typed, ours"] > passing["typed, other"]

# %% [markdown]
# The rule keeps most of what is ours and turns away most of what is about other things. The nearest fact alone would
# not have told: each question of the second list has one, too, and an answer. Where the rule errs, look at the two
# distances, which may be close, and at the words: which of them does the model know? A question that is turned away
# may well have been answered rightly. That is what caution costs.
#
# The third list is another matter. "What colour is the money" has the word "money", and the model has learned which
# words tell its eight facts from one another, since it needed no more. Nothing in its training was *about* money, and
# our made-up questions show it the *absence* of telling words only. That a question passes says that the model took it
# for one of ours. Whether it is, the state can't say.
#
# ## A planted mistake
#
# Out of a report:
#
# > Asked about a place, the model gives its continent with a probability of more than .9, and the question lies in the
# > middle of its cluster. **A model that is so sure, and has understood the question, knows the answer.**
#
# To find out, ask what it *can't* know: places of the table that were not in training. For each fact we take the
# training question nearest to its centroid, so that the question can't be blamed.
#
# Luck has to be counted, too: where most places are in the north, "northern" is often right. So beside it stands what
# someone gets who always gives the answer that is the most frequent one in training.
#
# **Predict before you run:** for which facts will the model be unsure about a place that it does not know, and for
# which will it be sure?

# %%
strangers = [place for place in load_places() if place not in places]
groups = {"trained": list(places), "never seen": strangers}
print(f"{len(places)} places trained, {len(strangers)} never seen. Share right, and mean probability of what it said:")
print(f"{'':16} trained      never seen   always the same   never seen: wrong, and surer than .9")
sure, table, question_of = {}, {}, {}
for task, fact in enumerate(facts):
    own = np.flatnonzero(rows.task == task)
    question_of[fact] = rows.instruction[own[np.linalg.norm(states[M][own] - centroids[task], axis=1).argmin()]]
    table[fact] = []
    for group, members in groups.items():
        prompts = [prompt_tokens(question_of[fact], place.name) for place in members]
        said, probability = first_token(prompts)  # (B,), (B,)
        truth = np.array([tokenizer.encode(place.facts[fact])[0] for place in members])  # (B,) the first token
        table[fact] += [(said == truth).mean(), probability.mean()]
    sure[fact] = np.where(said != truth, probability, 0)  # of the strangers: how sure, where wrong
    most_frequent = Counter(place.facts[fact] for place in places).most_common(1)[0][0]
    same = np.mean([place.facts[fact] == most_frequent for place in strangers])
    a, b, c, d = table[fact]
    print(f"{fact:16} {a:.2f} ({b:.2f})  {c:.2f} ({d:.2f})  {same:15.2f} {(sure[fact] > 0.9).mean():17.2f}")

fact = "continent"
print(f'\n"{question_of[fact]}"')
for place in [strangers[at] for at in (-sure[fact]).argsort()[:4]]:  # the surest of the wrong
    text, probability = ask(question_of[fact], place.name)
    print(f"   {place.name}: {text or '(nothing)'} ({probability:.3f}). In the table: {place.facts[fact]}")

# %% [markdown]
# About places that it was trained with, it is sure and right. About the others it is right about as often as somebody
# who always says the same, or less often, and for the facts with few answers it is sure all the same. For those with
# many answers it is less sure, as there are many that it could give. A probability tells how the model's own possible
# answers compare. It does not tell whether the right one is known, nor whether it is among them.
#
# (If South Africa is among the four: its name ends like an answer, so the model takes "Africa" for written already.)
#
# Nor did the clusters help: the state at the separator is the same for every place, since the place comes later. "What
# is asked?" and "do I know that?" are two questions, and a cluster answers the first.
#
# How it is caught: always have cases to which the answer can't be known, and see what the model does there. A program
# that answers people has to check by other means whether the place was in training.

# %%
mean_of = {group: np.mean([table[fact][at] for fact in facts]) for at, group in ((0, "trained"), (2, "never seen"))}
assert mean_of["trained"] > 0.9 > 0.6 > mean_of["never seen"]
assert max(row[3] for row in table.values()) > 0.8  # sure, although it can't know

# %% [markdown]
# ## What this can't show
#
# - *One training is one.* `python -m minicluster experiment geography` repeats it over seeds, on all places, with
#   harder questions, and with the place inside the sentence.
# - *Present is not used.* That the questions cluster at the separator does not show that the answer is read there
#   (lesson 13).
# - *These sentences were drawn from patterns by us.* People's own questions are more varied. What a model of this size
#   learns from them is which words tell eight facts apart, no more.
#
# ## Summary
#
# - A grammar over words makes as many questions as one likes, with a known task; an unknown word is spelled, so that
#   nothing is out of vocabulary.
# - Unseen combinations of question and place can be answered only by a model that treats all patterns of a fact as one.
# - At the separator questions cluster by fact after one block; a bag of words does not. At the last token clusters by
#   fact come first, and split into answers towards the end: which token and which layer one looks at decides what one
#   finds.
# - Every state is nearest to some cluster. To tell what is outside, compare with questions that ask for nothing; they
#   can be made. A question with a telling word that asks for something else may pass all the same.
# - A sure answer is not a known one. Ask for what can't be known, and look.
#
# Now talk to a model that has learned all 193 places:
#
#     python -m minicluster ask "which money do people use in Peru?"
#
# It trains once, in about a minute, and from then on answers at once. It finds the place by the table, says how it has
# rewritten your question, and goes by the rule of this lesson. Try to fool it.
#
# ## Exercises
#
# Three more check themselves: write them in `lessons/exercises/exercise_15_real_places.py`, then run `.venv/bin/python
# -m minicluster check 15`.
#
# 1. Spell a *known* word wrongly, as in "what is the kapital of this place". Which words of a question can be spoiled
#    before its nearest centroid changes, and which one is enough?
# 2. Train with `inside=True` in the settings: the place then stands in the sentence, and the separator at its end is
#    the last token before the answer. Predict the separator's ARI by layer, then measure it.
# 3. Train with `strange=0.4`, so that many more questions have odd words in them, and with 0, so that none has. What
#    happens to the separator's ARI, to the nearest neighbour of another pattern, and to accuracy? Which of the
#    questions typed by hand still pass?
# 4. Other rules: a question is ours if the nearest centroid is at most half as far away as the next; or if the first
#    token's probability is above .5. Which is best? On which questions may you choose it, and on which must you then
#    judge it?
