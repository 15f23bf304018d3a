// tfpose.layers.diffusion.diffuse and its gradient as TensorFlow operators for CPUs.
// These are the portable form's two passes of maxima, each in one sweep over memory. A
// row of a map with its channels is one run of width * channels numbers, so the inner
// loops are long, branch-free and vectorized for any number of channels. Additions run
// in the portable form's order, so values are equal bit by bit (setup.py turns off the
// contraction of products and sums).

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/core/util/work_sharder.h"

// The compiler builds the loops below for several processor generations, and the loader
// picks the best. Unlike with -march=native, the library also runs on older machines.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && \
    !defined(__clang__)
#define TFPOSE_VECTORIZED \
  __attribute__((target_clones("avx512f", "avx2", "default"), noinline))
#else
#define TFPOSE_VECTORIZED
#endif

namespace {

using absl::InvalidArgumentError;
using absl::StrCat;
using tensorflow::DEVICE_CPU;
using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;
using tensorflow::shape_inference::DimensionHandle;
using tensorflow::shape_inference::InferenceContext;
using tensorflow::shape_inference::ShapeHandle;

// Takes values[i] - penalty[i] and its offset where that beats the best.
TFPOSE_VECTORIZED
void Improve(const float* __restrict__ values, const float* __restrict__ penalty,
             int32_t offset, int64_t count, float* __restrict__ best,
             int32_t* __restrict__ winner) {
  for (int64_t i = 0; i < count; ++i) {
    const float value = values[i] - penalty[i];
    const bool better = value > best[i];
    winner[i] = better ? offset : winner[i];
    best[i] = better ? value : best[i];
  }
}

// The same, and takes along another winner that belongs to the value.
TFPOSE_VECTORIZED
void ImproveBoth(const float* __restrict__ values,
                 const int32_t* __restrict__ values_winner,
                 const float* __restrict__ penalty, int32_t offset, int64_t count,
                 float* __restrict__ best, int32_t* __restrict__ winner,
                 int32_t* __restrict__ best_winner) {
  for (int64_t i = 0; i < count; ++i) {
    const float value = values[i] - penalty[i];
    const bool better = value > best[i];
    winner[i] = better ? offset : winner[i];
    best_winner[i] = better ? values_winner[i] : best_winner[i];
    best[i] = better ? value : best[i];
  }
}

// Adds the row's gradient times dx, dy, dx^2, dy^2 to four sums of count numbers each.
TFPOSE_VECTORIZED
void AddMoments(const float* __restrict__ gradient, const int32_t* __restrict__ dx,
                const int32_t* __restrict__ dy, int64_t count,
                float* __restrict__ sums) {
  for (int64_t i = 0; i < count; ++i) {
    const float x = static_cast<float>(dx[i]), y = static_cast<float>(dy[i]);
    sums[i] += gradient[i] * x;
    sums[count + i] += gradient[i] * y;
    sums[2 * count + i] += gradient[i] * (x * x);
    sums[3 * count + i] += gradient[i] * (y * y);
  }
}

// The sizes of maps and of one row, which holds its cells' channels one by one.
struct Sizes {
  int64_t batch, height, width, channels, row, image;

  explicit Sizes(const TensorShape& shape)
      : batch(shape.dim_size(0)),
        height(shape.dim_size(1)),
        width(shape.dim_size(2)),
        channels(shape.dim_size(3)),
        row(width * channels),
        image(height * row) {}
};

// The penalties of -radius..radius along one axis, repeated for each cell of a row.
class Penalties {
 public:
  Penalties(const Tensor& linear, const Tensor& quadratic, int axis, int radius,
            const Sizes& sizes)
      : radius_(radius), row_(sizes.row), values_((2 * radius + 1) * sizes.row) {
    const auto first = linear.matrix<float>(), second = quadratic.matrix<float>();
    for (int offset = -radius; offset <= radius; ++offset) {
      float* row = values_.data() + (offset + radius) * row_;
      for (int64_t i = 0; i < row_; ++i) {
        const int64_t channel = i % sizes.channels;
        const float a = first(axis, channel) * static_cast<float>(offset);
        const float b = second(axis, channel) * static_cast<float>(offset * offset);
        row[i] = a + b;
      }
    }
  }

  const float* of(int offset) const {
    return values_.data() + (offset + radius_) * row_;
  }

 private:
  int radius_;
  int64_t row_;
  std::vector<float> values_;
};

// The offsets after 0, in the order that breaks ties: -1, 1, -2, 2, ...
std::vector<int> Order(int radius, int64_t size) {
  std::vector<int> order;
  const int64_t reach = std::min<int64_t>(radius, size - 1);
  for (int distance = 1; distance <= reach; ++distance) {
    order.push_back(-distance);
    order.push_back(distance);
  }
  return order;
}

class DiffuseOp : public OpKernel {
 public:
  explicit DiffuseOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("radius", &radius_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& maps = context->input(0);
    const Tensor &linear = context->input(1), &quadratic = context->input(2);
    OP_REQUIRES(context, maps.dims() == 4,
                InvalidArgumentError(
                    StrCat("maps: expected 4 dimensions, found ", maps.dims())));
    const Sizes sizes(maps.shape());
    const TensorShape weights({2, sizes.channels});
    OP_REQUIRES(context, linear.shape() == weights && quadratic.shape() == weights,
                InvalidArgumentError(
                    StrCat("weights: expected the shape ", weights.DebugString(),
                           ", found ", linear.shape().DebugString(), " and ",
                           quadratic.shape().DebugString())));
    Tensor *diffused, *dx, *dy, row_best, row_winner;
    const auto int32 = tensorflow::DT_INT32, float32 = tensorflow::DT_FLOAT;
    OP_REQUIRES_OK(context, context->allocate_output(0, maps.shape(), &diffused));
    OP_REQUIRES_OK(context, context->allocate_output(1, maps.shape(), &dx));
    OP_REQUIRES_OK(context, context->allocate_output(2, maps.shape(), &dy));
    OP_REQUIRES_OK(context, context->allocate_temp(float32, maps.shape(), &row_best));
    OP_REQUIRES_OK(context, context->allocate_temp(int32, maps.shape(), &row_winner));
    if (maps.NumElements() == 0) return;

    const Penalties along_x(linear, quadratic, 0, radius_, sizes);
    const Penalties along_y(linear, quadratic, 1, radius_, sizes);
    const std::vector<int> order_x = Order(radius_, sizes.width);
    const std::vector<int> order_y = Order(radius_, sizes.height);
    const float* source = maps.flat<float>().data();
    float* best = row_best.flat<float>().data();
    int32_t* winner = row_winner.flat<int32_t>().data();
    EachRow(context, sizes, order_x.size(), [&](int64_t row) {
      const int64_t start = row * sizes.row;
      MaximumInRow(source + start, along_x, order_x, sizes, best + start,
                   winner + start);
    });
    float* out = diffused->flat<float>().data();
    int32_t *out_dx = dx->flat<int32_t>().data(), *out_dy = dy->flat<int32_t>().data();
    EachRow(context, sizes, order_y.size(), [&](int64_t row) {
      const int64_t start = row * sizes.row;
      MaximumOfRows(best + start, winner + start, row % sizes.height, along_y, order_y,
                    sizes, out + start, out_dx + start, out_dy + start);
    });
  }

 private:
  static void MaximumInRow(const float* source, const Penalties& penalties,
                           const std::vector<int>& order, const Sizes& sizes,
                           float* best, int32_t* winner) {
    std::copy_n(source, sizes.row, best);
    std::fill_n(winner, sizes.row, 0);
    for (const int dx : order) {
      // The cells whose partner is inside the map.
      const int64_t from = std::max(0, -dx) * sizes.channels;
      const int64_t to = sizes.row - std::max(0, dx) * sizes.channels;
      Improve(source + from + dx * sizes.channels, penalties.of(dx), dx, to - from,
              best + from, winner + from);
    }
  }

  static void MaximumOfRows(const float* rows, const int32_t* rows_winner, int64_t y,
                            const Penalties& penalties, const std::vector<int>& order,
                            const Sizes& sizes, float* best, int32_t* dx, int32_t* dy) {
    std::copy_n(rows, sizes.row, best);
    std::copy_n(rows_winner, sizes.row, dx);
    std::fill_n(dy, sizes.row, 0);
    for (const int offset : order) {
      if (y + offset < 0 || y + offset >= sizes.height) continue;
      ImproveBoth(rows + offset * sizes.row, rows_winner + offset * sizes.row,
                  penalties.of(offset), offset, sizes.row, best, dy, dx);
    }
  }

  // Processes all maps' rows in parallel on TensorFlow's own threads.
  template <typename Work>
  static void EachRow(OpKernelContext* context, const Sizes& sizes, int64_t offsets,
                      const Work& work) {
    const auto& threads = *context->device()->tensorflow_cpu_worker_threads();
    tensorflow::Shard(threads.num_threads, threads.workers, sizes.batch * sizes.height,
                      (offsets + 1) * sizes.row, [&](int64_t from, int64_t to) {
                        for (int64_t row = from; row < to; ++row) work(row);
                      });
  }

  int radius_;
};

class DiffuseGradOp : public OpKernel {
 public:
  explicit DiffuseGradOp(OpKernelConstruction* context) : OpKernel(context) {}

  void Compute(OpKernelContext* context) override {
    const Tensor& gradient = context->input(0);
    const Tensor &dx = context->input(1), &dy = context->input(2);
    OP_REQUIRES(context,
                gradient.dims() == 4 && dx.shape() == gradient.shape() &&
                    dy.shape() == gradient.shape(),
                InvalidArgumentError(StrCat(
                    "gradient, dx, dy: expected the same 4 dimensions, found ",
                    gradient.shape().DebugString(), ", ", dx.shape().DebugString(),
                    " and ", dy.shape().DebugString())));
    const Sizes sizes(gradient.shape());
    Tensor *maps, *linear, *quadratic;
    const TensorShape weights({2, sizes.channels});
    OP_REQUIRES_OK(context, context->allocate_output(0, gradient.shape(), &maps));
    OP_REQUIRES_OK(context, context->allocate_output(1, weights, &linear));
    OP_REQUIRES_OK(context, context->allocate_output(2, weights, &quadratic));

    // Each map has its own sums, added below in batch order: the result does not depend
    // on the number of threads.
    std::vector<float> sums(sizes.batch * 4 * sizes.row, 0.0f);
    std::atomic<bool> inside{true};
    const auto& threads = *context->device()->tensorflow_cpu_worker_threads();
    tensorflow::Shard(
        threads.num_threads, threads.workers, sizes.batch, 4 * sizes.image,
        [&](int64_t from, int64_t to) {
          for (int64_t b = from; b < to; ++b) {
            const int64_t start = b * sizes.image;
            if (!Scatter(gradient.flat<float>().data() + start,
                         dx.flat<int32_t>().data() + start,
                         dy.flat<int32_t>().data() + start, sizes,
                         maps->flat<float>().data() + start,
                         sums.data() + b * 4 * sizes.row)) {
              inside = false;
            }
          }
        });
    OP_REQUIRES(context, inside,
                InvalidArgumentError("dx, dy: expected cells inside the map"));
    Total(sums, sizes, linear->flat<float>().data(), quadratic->flat<float>().data());
  }

 private:
  // One map's gradient and its sums for the weights; false if a winner is outside.
  static bool Scatter(const float* gradient, const int32_t* dx, const int32_t* dy,
                      const Sizes& sizes, float* maps, float* sums) {
    std::fill_n(maps, sizes.image, 0.0f);
    for (int64_t y = 0, i = 0; y < sizes.height; ++y) {
      AddMoments(gradient + i, dx + i, dy + i, sizes.row, sums);
      for (int64_t x = 0; x < sizes.width; ++x) {
        for (int64_t channel = 0; channel < sizes.channels; ++channel, ++i) {
          const int64_t column = x + dx[i], row = y + dy[i];
          if (column < 0 || column >= sizes.width || row < 0 || row >= sizes.height) {
            return false;
          }
          maps[row * sizes.row + column * sizes.channels + channel] += gradient[i];
        }
      }
    }
    return true;
  }

  // Minus the sums over batch and cells, in AddMoments' order of the four.
  static void Total(const std::vector<float>& sums, const Sizes& sizes, float* linear,
                    float* quadratic) {
    std::vector<double> totals(4 * sizes.channels, 0.0);
    for (int64_t b = 0, i = 0; b < sizes.batch; ++b) {
      for (int64_t moment = 0; moment < 4; ++moment) {
        for (int64_t j = 0; j < sizes.row; ++j, ++i) {
          totals[moment * sizes.channels + j % sizes.channels] += sums[i];
        }
      }
    }
    for (int64_t i = 0; i < 2 * sizes.channels; ++i) {
      linear[i] = static_cast<float>(-totals[i]);
      quadratic[i] = static_cast<float>(-totals[2 * sizes.channels + i]);
    }
  }
};

// Maps and both weights have the same channels; all outputs have the maps' shape.
absl::Status DiffuseShape(InferenceContext* context) {
  ShapeHandle maps, weights;
  DimensionHandle channels;
  TF_RETURN_IF_ERROR(context->WithRank(context->input(0), 4, &maps));
  for (const int input : {1, 2}) {
    TF_RETURN_IF_ERROR(context->WithRank(context->input(input), 2, &weights));
    TF_RETURN_IF_ERROR(
        context->Merge(context->Dim(maps, 3), context->Dim(weights, 1), &channels));
  }
  for (const int output : {0, 1, 2}) context->set_output(output, maps);
  return absl::OkStatus();
}

absl::Status DiffuseGradShape(InferenceContext* context) {
  ShapeHandle maps;
  TF_RETURN_IF_ERROR(context->WithRank(context->input(0), 4, &maps));
  for (const int input : {1, 2}) {
    TF_RETURN_IF_ERROR(context->Merge(maps, context->input(input), &maps));
  }
  const ShapeHandle weights = context->Matrix(2, context->Dim(maps, 3));
  context->set_output(0, maps);
  context->set_output(1, weights);
  context->set_output(2, weights);
  return absl::OkStatus();
}

REGISTER_OP("TfposeDiffuse")
    .Attr("radius: int >= 1")
    .Input("maps: float")
    .Input("linear: float")
    .Input("quadratic: float")
    .Output("diffused: float")
    .Output("dx: int32")
    .Output("dy: int32")
    .SetShapeFn(DiffuseShape);

REGISTER_OP("TfposeDiffuseGrad")
    .Input("gradient: float")
    .Input("dx: int32")
    .Input("dy: int32")
    .Output("maps_gradient: float")
    .Output("linear_gradient: float")
    .Output("quadratic_gradient: float")
    .SetShapeFn(DiffuseGradShape);

REGISTER_KERNEL_BUILDER(Name("TfposeDiffuse").Device(DEVICE_CPU), DiffuseOp);
REGISTER_KERNEL_BUILDER(Name("TfposeDiffuseGrad").Device(DEVICE_CPU), DiffuseGradOp);

}  // namespace
