// varlen for C++17 programs: objects that free what they own, errors as exceptions. One header, to be copied into a
// program and grown there: what is not wrapped is called as it is, through check().
#ifndef VARLEN_HPP
#define VARLEN_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <varlen/varlen.h>

namespace varlen
{

// What a call refused: what() is varlen_error_message(), with the argument, its value and the rule.
class error : public std::runtime_error
{
  public:
    explicit error(varlen_status status) : std::runtime_error(varlen_error_message()), status_(status)
    {
    }

    varlen_status status() const noexcept
    {
        return status_;
    }

  private:
    varlen_status status_;
};

inline void check(varlen_status status)
{
    if (status != VARLEN_OK)
        throw error(status);
}

// A struct of varlen's, zero but for its size.
template <typename Struct> Struct make()
{
    Struct made{};
    made.struct_size = sizeof made;
    return made;
}

// One device. Shared by what is made through it, so that it is closed last.
class context
{
  public:
    // As varlen_open_options has it: "" is what VARLEN_BACKEND says.
    explicit context(const std::string &backend = "", int threads = 0)
    {
        auto options = make<varlen_open_options>();
        options.backend = backend.c_str();
        options.threads = threads;
        varlen_context *opened = nullptr;
        check(varlen_open(&options, &opened));
        handle_ = std::shared_ptr<varlen_context>(opened, varlen_close);
    }

    varlen_context *get() const noexcept
    {
        return handle_.get();
    }

    varlen_device_info device() const
    {
        auto info = make<varlen_device_info>();
        check(varlen_context_device(get(), &info));
        return info;
    }

    std::size_t workspace_size(const varlen_attention &attention, varlen_pass pass) const
    {
        std::size_t size = 0;
        check(varlen_workspace_size(get(), &attention, pass, &size));
        return size;
    }

    void forward(varlen_stream stream, const varlen_attention &attention, const varlen_forward_args &args) const
    {
        check(varlen_forward(get(), stream, &attention, &args));
    }

    void backward(varlen_stream stream, const varlen_attention &attention, const varlen_backward_args &args) const
    {
        check(varlen_backward(get(), stream, &attention, &args));
    }

    // What only the device could see of the calls that the stream has passed.
    void synchronize(varlen_stream stream) const
    {
        check(varlen_stream_synchronize(get(), stream));
        check(varlen_context_status(get()));
    }

  private:
    std::shared_ptr<varlen_context> handle_;
};

// A stream of the device's.
class stream
{
  public:
    explicit stream(const context &of)
    {
        varlen_stream made = nullptr;
        check(varlen_stream_create(of.get(), &made));
        handle_ = {made, [of](void *handle) { varlen_stream_destroy(of.get(), handle); }};
    }

    varlen_stream get() const noexcept
    {
        return handle_.get();
    }

  private:
    std::shared_ptr<void> handle_;
};

// `size` elements of device memory. Freed when the last copy of the handle is gone: a stream that still uses it must
// have been waited for.
template <typename Element> class buffer
{
  public:
    buffer(const context &of, std::size_t size) : context_(of), size_(size)
    {
        void *made = nullptr;
        check(varlen_alloc(of.get(), bytes(), &made));
        data_ = {static_cast<Element *>(made), [of](Element *data) { varlen_free(of.get(), data); }};
    }

    buffer(const context &of, const std::vector<Element> &elements) : buffer(of, elements.size())
    {
        check(varlen_copy(of.get(), nullptr, data(), elements.data(), bytes()));
        of.synchronize(nullptr);
    }

    Element *data() const noexcept
    {
        return data_.get();
    }

    std::size_t bytes() const noexcept
    {
        return size_ * sizeof(Element);
    }

    // What is there once the stream has come so far.
    std::vector<Element> to_vector(varlen_stream stream = nullptr) const
    {
        std::vector<Element> elements(size_);
        check(varlen_copy(context_.get(), stream, elements.data(), data(), bytes()));
        context_.synchronize(stream);
        return elements;
    }

  private:
    context context_;
    std::size_t size_;
    std::shared_ptr<Element> data_;
};

} // namespace varlen

#endif
