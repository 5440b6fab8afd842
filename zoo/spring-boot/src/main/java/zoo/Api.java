package zoo;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.validation.Valid;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.springframework.http.MediaType;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.ModelAttribute;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
@RequestMapping("/v1")
class Api {
    private static final String FORM = MediaType.APPLICATION_FORM_URLENCODED_VALUE;
    private final Store store;

    Api(Store store) {
        this.store = store;
    }

    // The data binder's own setIgnoreUnknownFields(false) refuses headers, too: Spring binds them like parameters.
    private static void allowOnly(HttpServletRequest request, String... names) {
        for (String parameter : request.getParameterMap().keySet()) {
            if (!Set.of(names).contains(parameter.split("\\[")[0])) {
                throw ApiException.of(400, "Received unknown parameter: " + parameter, "parameter_unknown", parameter);
            }
        }
    }

    @PostMapping("/customers")
    Customer createCustomer(@Valid @ModelAttribute CustomerForm form, HttpServletRequest request) {
        allowOnly(request, "email", "name", "description", "metadata", "address");
        Customer customer = Customer.of(form, Address.of(nested(request, "address")));
        store.customers.put(customer.id(), customer);
        return customer;
    }

    @GetMapping("/customers/{id}")
    Customer customer(@PathVariable String id) {
        return store.customer(id, 404);
    }

    @DeleteMapping("/customers/{id}")
    Map<String, Object> deleteCustomer(@PathVariable String id) {
        store.customer(id, 404);
        store.customers.remove(id);
        store.of(id).forEach(each -> store.save(each.withCustomer(null)));
        return Map.of("id", id, "object", "customer", "deleted", true);
    }

    @GetMapping("/customers/{id}/payment_methods")
    Map<String, Object> paymentMethodsOf(@PathVariable String id) {
        store.customer(id, 404);
        return list("/v1/customers/" + id + "/payment_methods", store.of(id));
    }

    @GetMapping("/payment_methods")
    Map<String, Object> paymentMethods(@RequestParam(defaultValue = "") String customer) {
        return list("/v1/payment_methods", store.of(customer));
    }

    @PostMapping("/payment_methods")
    PaymentMethod createPaymentMethod(@Valid @ModelAttribute PaymentMethodForm form, HttpServletRequest request) {
        allowOnly(request, "type", "card", "billing_details", "metadata", "expand");
        Address address = Address.of(nested(request, "billing_details[address]"));
        return show(store.save(PaymentMethod.of(form, nested(request, "billing_details"), address)), form.getExpand());
    }

    @GetMapping("/payment_methods/{id}")
    PaymentMethod paymentMethod(@PathVariable String id) {
        return store.paymentMethod(id);
    }

    @PostMapping(path = "/payment_methods/{id}/attach", consumes = FORM)
    synchronized PaymentMethod attach(@PathVariable String id, @Valid @ModelAttribute AttachForm form, HttpServletRequest request) {
        allowOnly(request, "customer", "expand");
        PaymentMethod paymentMethod = store.paymentMethod(id);
        Customer customer = store.customer(form.getCustomer(), 400);
        if (paymentMethod.customer() != null && !paymentMethod.customer().equals(customer.id())) {
            throw ApiException.of(400, "The payment method you provided has already been attached to a customer.", null, null);
        }
        PaymentMethod attached = paymentMethod.withCustomer(customer.id());
        PaymentMethod shown = show(attached, form.getExpand());
        store.save(attached);
        return shown;
    }

    @PostMapping("/payment_methods/{id}/detach")
    synchronized PaymentMethod detach(@PathVariable String id, @Valid @ModelAttribute ExpandForm form, HttpServletRequest request) {
        allowOnly(request, "expand");
        PaymentMethod paymentMethod = store.paymentMethod(id);
        if (paymentMethod.customer() == null) {
            throw ApiException.of(400, "The payment method you provided is not attached to a customer.", null, null);
        }
        return show(store.save(paymentMethod.withCustomer(null)), form.getExpand());
    }

    // Objects need dots to the data binder, and maps of one type alone may have brackets.
    private static Map<String, String> nested(HttpServletRequest request, String name) {
        Map<String, String> values = new LinkedHashMap<>();
        request.getParameterMap().forEach((parameter, given) -> {
            if (parameter.startsWith(name + "[") && parameter.endsWith("]")) {
                values.put(parameter.substring(name.length() + 1, parameter.length() - 1), given[0]);
            }
        });
        return values;
    }

    private PaymentMethod show(PaymentMethod paymentMethod, List<String> paths) {
        PaymentMethod shown = paymentMethod;
        for (String path : paths) {
            if (!path.equals("customer")) {
                throw ApiException.of(400, "This property cannot be expanded (" + path + ").", null, "expand");
            }
            if (paymentMethod.customer() != null) {
                shown = shown.withCustomer(store.customers.get(paymentMethod.customer()));
            }
        }
        return shown;
    }

    private static Map<String, Object> list(String url, List<PaymentMethod> data) {
        return Map.of("object", "list", "url", url, "has_more", false, "data", data);
    }
}
