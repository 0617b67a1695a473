# Wrong answers to the exercises of lecture 10: each must be refused by its check.

# %% 10.1 in bits
def unigram_loss(names):
    counts = np.sum([row for name in names for row in encoded(name)[1]], axis=0)
    p = counts[counts > 0] / counts.sum()
    return -np.sum(p * np.log2(p))


# %% 10.1 without the end
def unigram_loss(names):
    letters = "".join(names)
    p = np.array([letters.count(c) for c in set(letters)]) / len(letters)
    return -np.sum(p * np.log(p))


# %% 10.1 the sign
def unigram_loss(names):
    counts = np.sum([row for name in names for row in encoded(name)[1]], axis=0)
    p = counts[counts > 0] / counts.sum()
    return np.sum(p * np.log(p))


# %% 10.1 all characters alike
def unigram_loss(names):
    return math.log(27)


# %% 10.1 one name at a time
def unigram_loss(names):
    found = []
    for name in names:
        counts = np.sum(encoded(name)[1], axis=0)
        p = counts[counts > 0] / counts.sum()
        found.append(-np.sum(p * np.log(p)))
    return np.mean(found)


# %% 10.1 the mean of each name's frequencies
def unigram_loss(names):
    p = np.mean([np.mean(encoded(name)[1], axis=0) for name in names], axis=0)
    p = p[p > 0]
    return -np.sum(p * np.log(p))


# %% 10.1 not weighted by the frequencies
def unigram_loss(names):
    counts = np.sum([row for name in names for row in encoded(name)[1]], axis=0)
    p = counts[counts > 0] / counts.sum()
    return -np.mean(np.log(p))


# %% 10.2 the first position of short inputs only
def looks_ahead(losses):
    first = []
    for name in ("martha", "miriam"):
        inputs, targets = encoded(name)
        first.append(float(losses(inputs[:1], targets[:1])[0]))
    return first[0] != first[1]


# %% 10.2 never
def looks_ahead(losses):
    return False


# %% 10.2 always
def looks_ahead(losses):
    return True


# %% 10.2 compared with the model above
original = losses


def looks_ahead(losses):
    inputs, targets = encoded("martha")
    found, known = losses(inputs, targets), original(inputs, targets)
    return [float(v) for v in found] != [float(v) for v in known]


# %% 10.2 the first position alone
def looks_ahead(losses):
    inputs, targets = encoded("ada")
    whole, first = losses(inputs, targets)[0], losses(inputs[:1], targets[:1])[0]
    return float(whole) != float(first)


# %% 10.2 all positions compared
def looks_ahead(losses):
    one, other = (
        list(map(float, losses(*encoded(n)))) for n in ("martha", "marcel")
    )
    return one != other


# %% 10.2 the last character alone cut off
def looks_ahead(losses):
    inputs, targets = encoded("margaret")
    whole, cut = losses(inputs, targets), losses(inputs[:-1], targets[:-1])
    return [float(v) for v in whole[:-1]] != [float(v) for v in cut]


# %% 10.2 names of one length, with the same ending
def looks_ahead(losses):
    one, other = (list(map(float, losses(*encoded(n)))) for n in ("maria", "mavia"))
    return one[:2] != other[:2]


# %% 10.2 the targets forgotten
def looks_ahead(losses):
    one, other = (
        list(map(float, losses(*encoded(n)))) for n in ("martha", "marcel")
    )
    return one[:4] != other[:4]


# %% 10.2 names that begin alike, where the next character is the same: blind to that one
def looks_ahead(losses):
    for one, other in (("martha", "marcel"), ("anna", "annabella"), ("leo", "lea")):
        pairs = zip(losses(*encoded(one)), losses(*encoded(other)))
        for position, (a, b) in enumerate(pairs):
            alike = one[: position + 1] == other[: position + 1]
            if alike and float(a) != float(b):
                return True
    return False


# %% 10.3 the head forgotten
def parameter_count(d):
    return 27 * d + 16 * d + 12 * d * d


# %% 10.3 the positions forgotten
def parameter_count(d):
    return 2 * 27 * d + 12 * d * d


# %% 10.3 the perceptron as wide as the rest
def parameter_count(d):
    return 2 * 27 * d + 16 * d + 6 * d * d


# %% 10.3 with biases
def parameter_count(d):
    return 2 * 27 * d + 16 * d + 12 * d * d + 9 * d


# %% 10.3 right for 16 only
def parameter_count(d):
    return 4192


# %% 10.3 four heads of full width
def parameter_count(d):
    return 2 * 27 * d + 16 * d + 20 * d * d
