// The irregular graph on an ADOL-C trace. Reads a plan, then answers "N" by the seconds that N gradients took.
#include <adolc/adolc.h>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

int main(int, char **argv) {
    std::ifstream plan(argv[1]);
    long inputs, nodes;
    plan >> inputs >> nodes;
    std::vector<double> row(inputs), gradient_(inputs);
    for (double &number : row) plan >> number;
    double y;
    trace_on(1);
    {
        std::vector<adouble> values(inputs + nodes);
        for (long k = 0; k < inputs; k++) values[k] <<= row[k];
        for (long k = inputs; k < inputs + nodes; k++) {
            std::string kind;
            long a, b;
            plan >> kind >> a >> b;
            if (kind == "add") values[k] = values[a] + values[b];
            else if (kind == "sub") values[k] = values[a] - values[b];
            else if (kind == "mul") values[k] = values[a] * values[b];
            else if (kind == "square") values[k] = values[a] * values[a];
            else if (kind == "sin") values[k] = sin(values[a]);
            else if (kind == "cos") values[k] = cos(values[a]);
            else values[k] = tanh(values[a]);
        }
        adouble total = values.back();
        for (long k = 64; k > 1; k--) total += values[values.size() - k];
        total >>= y;
    }
    trace_off();
    double sum = y;
    gradient(1, inputs, row.data(), gradient_.data());
    for (double slope : gradient_) sum += slope;
    std::printf("%.17g\n", sum);
    std::fflush(stdout);
    for (long steps; std::cin >> steps;) {
        auto started = std::chrono::steady_clock::now();
        for (long k = 0; k < steps; k++) {
            zos_forward(1, 1, inputs, 1, row.data(), &y);
            double one = 1.0;
            fos_reverse(1, 1, inputs, &one, gradient_.data());
        }
        std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
        std::printf("%.9g\n", taken.count());
        std::fflush(stdout);
    }
}
